/**
 * Our conformance scripts of the profile `linux` against Linux itself: what we say of it must be so. A head line
 * `// kernel: why` says where the kernel departs; such a script must not pass there, so that the note can't outlive its cause.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatVerdict } from "../../src/sim/packetdrill/report.ts";
import type { Verdict } from "../../src/sim/packetdrill/verdict.ts";
import { type ConformanceScript, conformanceScripts } from "../conformance/scripts.ts";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { checkPatiently, durationOf } from "./check-on-kernel.ts";
import { compileProgram, type Program } from "./kernel-process.ts";
import { inLanes, LANES } from "./lanes.ts";

/** Scripts that wait longer say nothing that is worth the time: their virtual run has it. */
const LONGEST_US = 10_000_000;
/** A busy machine may be late: what fails beside others is tried alone, so often. */
const ATTEMPTS_BESIDE = 2;
const ATTEMPTS_ALONE = 5;

const scripts = conformanceScripts().filter((script) => script.profiles.includes("linux"));
const isShort = (script: ConformanceScript): boolean => durationOf(script.text, script.name) <= LONGEST_US;

describeNeeding([requireTun(), requireTool("cc")], "conformance scripts on the kernel", () => {
  const verdicts = new Map<string, Verdict>();
  let program: Program;

  const check = async (script: ConformanceScript, attempts: number): Promise<void> => {
    const mode = script.lenient.includes("linux") ? "lenient" : "strict";
    verdicts.set(script.name, await checkPatiently(script.text, script.name, mode, program.path, attempts));
  };

  beforeAll(async () => {
    program = compileProgram();
    // A script with a note is to fail: once is enough.
    await inLanes(scripts.filter(isShort), LANES, (script) =>
      check(script, script.kernel === null ? ATTEMPTS_BESIDE : 1),
    );
    for (const script of scripts) {
      if (script.kernel !== null || verdicts.get(script.name)?.status !== "fail") continue;
      await check(script, ATTEMPTS_ALONE);
    }
  }, 600_000);
  afterAll(() => program?.remove());

  test.for(scripts.map((script) => [script.name, script] as const))("%s", ([name, script], { skip }) => {
    const verdict = verdicts.get(name);
    if (verdict === undefined) return skip("would wait longer than 10 s");
    if (verdict.status === "unsupported")
      return skip(`line ${verdict.line} asks for what can't be asked of the kernel: ${verdict.message}`);
    if (script.kernel !== null) {
      expect(verdict.status, `'// kernel: ${script.kernel}', but it passes there`).toBe("fail");
      return;
    }
    if (verdict.status === "pass") return;
    const again = `node test/parity/run.mjs test/conformance/${name}`;
    throw new Error(`${formatVerdict(name, script.text, verdict)}  again: ${again}`);
  });
});
