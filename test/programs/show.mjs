/**
 * `node show.mjs EXAMPLE JSON`: runs an example of docs/examples with the server that it wants beside it, or asks it a
 * question when it serves, and passes on what was printed.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startMosquitto, startPostgres, startRedis, startSshd, startWeb } from "./servers.mjs";

const SERVERS = { startMosquitto, startPostgres, startRedis, startSshd, startWeb };

const [name, json] = process.argv.slice(2);
const { ask, server: start, flags = [] } = JSON.parse(json);
const server = start === undefined ? null : await SERVERS[start]();
const script = fileURLToPath(new URL(`../../docs/examples/${name}.mjs`, import.meta.url));
// A reader whose SSH server has another port says so.
const args = name === "ssh2" ? [server.keyFile, "root", `${server.port}`] : [];
const tied = ["--pdeathsig", "KILL", "--", process.execPath, ...flags, script, ...args];
const example = spawn("setpriv", tied, {
  stdio: ["ignore", "pipe", "inherit"],
  cwd: import.meta.dirname,
});
example.stdout.pipe(process.stdout, { end: false });
const ended = once(example, "exit");
if (ask !== undefined) {
  await once(example.stdout, "data");
  const [command, ...rest] = ask;
  process.stdout.write((await promisify(execFile)(command, rest)).stdout);
  example.kill("SIGINT");
}
const [code] = await ended;
await server?.close();
process.exitCode = code;
