/** Counted work against the committed figures of bench/gate.json, in a process of its own: compiled, not transformed for tests. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describeNeeding([requireTun(), requireTool("make"), requireTool("cc")], "bench gate", () => {
  it("neither packets, system calls, allocations nor held bytes have grown by 10 %", async () => {
    const { code, complaints } = await gate();
    expect(complaints).toBe("");
    expect(code).toBe(0);
  }, 240_000);
});

function gate(): Promise<{ code: number; complaints: string }> {
  return new Promise((resolve) => {
    execFile("npm", ["run", "--silent", "bench", "--", "gate"], { cwd: ROOT }, (error, _out, complaints) => {
      resolve({ code: error === null ? 0 : Number(error.code), complaints });
    });
  });
}
