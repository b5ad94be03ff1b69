/** Runs on a worker host: what comes to its loopback goes over the cable. */
import { forward } from "./network.ts";

const [address, port] = [process.argv[2]!, Number(process.argv[3])];
await forward("127.0.0.1", port, () => [address, port]);
process.stdout.write("ready\n");
