/**
 * Our conformance scripts of the profile `linux` against Linux itself: what we say of it must be so. A head line
 * `// kernel: why` says where the kernel departs; such a script must not pass there, so that the note can't outlive its cause.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatVerdict } from "../../src/sim/packetdrill/report.ts";
import type { Verdict } from "../../src/sim/packetdrill/verdict.ts";
import { conformanceScripts } from "../conformance/scripts.ts";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { checkPatiently, durationOf } from "./check-on-kernel.ts";
import { compileProgram, type Program } from "./kernel-process.ts";
import { inLanes, LANES } from "./lanes.ts";

/** Scripts that wait longer say nothing that is worth the time: their virtual run has it. */
const LONGEST_US = 10_000_000;
const scripts = conformanceScripts().filter((script) => script.profiles.includes("linux"));
const short = scripts.filter((script) => durationOf(script.text, script.name) <= LONGEST_US);
const skipped = scripts.length - short.length;

describeNeeding([requireTun(), requireTool("cc")], "conformance scripts on the kernel", () => {
  const verdicts = new Map<string, Verdict>();
  let program: Program;

  beforeAll(async () => {
    program = compileProgram();
    await inLanes(short, LANES, async (script) => {
      const mode = script.lenient.includes("linux") ? "lenient" : "strict";
      verdicts.set(script.name, await checkPatiently(script.text, script.name, mode, program.path));
    });
    const unsupported = [...verdicts].filter(([, { status }]) => status === "unsupported");
    const why = unsupported.map(([name, { line, message }]) => `  ${name}:${line}: ${message}\n`).join("");
    console.info(
      `${short.length} scripts on the kernel; ${skipped} would wait longer than 10 s; ` +
        `${unsupported.length} ask for what can't be asked of it:\n${why}`,
    );
  }, 600_000);
  afterAll(() => program?.remove());

  test.each(short.map((script) => [script.name, script] as const))("%s", (name, script) => {
    const verdict = verdicts.get(name)!;
    if (verdict.status === "unsupported") return;
    if (script.kernel !== null) {
      expect(verdict.status, `'// kernel: ${script.kernel}', but it passes there`).toBe("fail");
      return;
    }
    if (verdict.status === "pass") return;
    const again = `node test/parity/run.mjs test/conformance/${name}`;
    throw new Error(`${formatVerdict(name, script.text, verdict)}  again: ${again}`);
  });
});
