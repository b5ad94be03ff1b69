/** Where the program begins: hands the arguments to the command line, and says in one line what nobody caught. */
import { program } from "./cli/program.ts";
import { masked } from "./log.ts";

process.on("uncaughtException", (error) => {
  process.stderr.write(`${masked(`Tidings ended because of a fault of its own: ${error.stack ?? error.message}`)}\n`);
  process.exit(70);
});

await program(process.argv.slice(2));
