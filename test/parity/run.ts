/** `run.mjs FILE...`: packetdrill scripts against the kernel, one verdict a script; for whoever writes one. */
import { readFileSync } from "node:fs";
import { formatVerdict } from "../../src/sim/packetdrill/report.ts";
import type { Verdict } from "../../src/sim/packetdrill/verdict.ts";
import { readHead } from "../conformance/scripts.ts";
import { checkPatiently } from "./check-on-kernel.ts";
import { compileProgram } from "./kernel-process.ts";
import { inLanes, LANES } from "./lanes.ts";

const files = process.argv.slice(2);
const program = compileProgram();
const tally = { pass: 0, fail: 0, unsupported: 0 };
try {
  await inLanes(files, LANES, async (file) => {
    const text = readFileSync(file, "utf8");
    const mode = readHead(file, text).lenient.includes("linux") ? "lenient" : "strict";
    const verdict: Verdict = await checkPatiently(text, file, mode, program.path, 3);
    tally[verdict.status]++;
    process.stdout.write(formatVerdict(file, text, verdict));
  });
} finally {
  program.remove();
}
console.log(JSON.stringify(tally));
process.exitCode = tally.fail > 0 ? 1 : 0;
