/** A proxy that holds everything back for a while in both directions: a server far away. Runs as a process of its own. */
import { connect, createServer, type Socket } from "node:net";

const { port, to, oneWayMs } = JSON.parse(process.argv[2]!);

function carry(from: Socket, into: Socket): void {
  from.on("data", (bytes) => void setTimeout(() => into.writable && into.write(bytes), oneWayMs));
  from.on("close", () => void setTimeout(() => into.destroy(), oneWayMs));
  from.on("error", () => from.destroy());
}

createServer({ noDelay: true }, (near) => {
  const far = connect({ port: to, host: "127.0.0.1", noDelay: true });
  carry(near, far);
  carry(far, near);
}).listen(port, "127.0.0.1", () => process.send?.("ready"));
process.on("disconnect", () => process.exit());
