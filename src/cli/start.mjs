/** `npm start`: prepares the checkout, then is `usertcp lab`. Arguments after `npm start --` are the lab's. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, ROOT } from "./prepare.mjs";

prepare();
const main = join(ROOT, "dist", "cli", "main.js");
process.argv = [process.argv[0], main, "lab", ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
