/** `node test/parity/run.mjs FILE...`: packetdrill scripts against this machine's kernel (run.ts, which Node 20 can't load). */
import { rmSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "rolldown";

const file = fileURLToPath(new URL(`../../build/parity/run-${process.pid}.mjs`, import.meta.url));
const url = (name) => fileURLToPath(new URL(name, import.meta.url));
await build({ input: url("./run.ts"), platform: "node", logLevel: "warn", output: { file, format: "esm" } });
process.on("exit", () => rmSync(file, { force: true }));
await import(pathToFileURL(file).href);
