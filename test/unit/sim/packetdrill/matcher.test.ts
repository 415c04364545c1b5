import { describe, expect, it } from "vitest";
import { ACCEPTED, run } from "./scripts.ts";

const SENT = `${ACCEPTED}
+0 write(4, ..., 2500) = 2500
+0 > P. 1:2501(2500) ack 1
+.1 < . 1:1(0) ack 2501 win 512
`;

/** The line of `text` that begins with `from` replaced. */
function mutant(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

describe("what the stack sends against what the script says", () => {
  it("takes the right segments, merged up to the expected length", () => {
    expect(run(SENT).status).toBe("pass");
    expect(run(SENT, "strict").status).toBe("pass");
  });

  it.each([
    ["sequence number", "P. 1:2501(2500) ack 1", "P. 2:2502(2500) ack 1", "seq"],
    ["length", "P. 1:2501(2500) ack 1", "P. 1:2502(2501) ack 1", "length"],
    ["ack", "P. 1:2501(2500) ack 1", "P. 1:2501(2500) ack 2", "ack"],
    ["flags", "P. 1:2501(2500) ack 1", "F. 1:2501(2500) ack 1", "flags"],
    ["a missing option", "ack 1 <mss 1460,nop,wscale 8>", "ack 1 <mss 1460>", "options"],
    ["an option's value", "<mss 1460,nop,wscale 8>", "<mss 1400,nop,wscale 8>", "options"],
    ["an option too many", "(2500) ack 1\n", "(2500) ack 1 <nop,nop,sackOK>\n", "options"],
  ])("rejects a wrong %s in both modes", (_, from, to, name) => {
    for (const mode of ["lenient", "strict"] as const) {
      const verdict = run(mutant(SENT, from, to), mode);
      expect(verdict.status).toBe("fail");
      expect(verdict.differing).toContain(name);
    }
  });

  it.each([
    ["PSH", "P. 1:2501(2500)", ". 1:2501(2500)", "flags"],
    ["the window", "P. 1:2501(2500) ack 1\n", "P. 1:2501(2500) ack 1 win 7\n", "win"],
    ["padding", "ack 1 <mss 1460,nop,wscale 8>", "ack 1 <mss 1460,wscale 8,eol>", "options"],
    ["the window scale's value", "ack 1 <mss 1460,nop,wscale 8>", "ack 1 <mss 1460,nop,wscale 9>", "options"],
  ])("overlooks %s in lenient mode only", (_, from, to, name) => {
    expect(run(mutant(SENT, from, to)).status).toBe("pass");
    const strict = run(mutant(SENT, from, to), "strict");
    expect(strict.status).toBe("fail");
    expect(strict.differing).toContain(name);
  });

  it("shows a window that the line does not name in strict mode only", () => {
    const shows = (line: string, mode: "lenient" | "strict"): boolean =>
      run(mutant(SENT, "P. 1:2501(2500) ack 1\n", `${line}\n`), mode).seen!.some(
        ({ name }) => name === "win",
      );
    expect(shows("P. 1:2501(2500) ack 2", "lenient")).toBe(false);
    expect(shows("P. 1:2501(2500) ack 2 win 7", "lenient")).toBe(true);
    expect(shows("P. 1:2501(2500) ack 2", "strict")).toBe(true);
  });

  it("rejects a packet that no line expects, before the next expectation in both modes, left over in strict mode", () => {
    const removed = SENT.replace("+0 > P. 1:2501(2500) ack 1\n", "");
    expect(run(removed).status).toBe("pass");
    expect(run(removed, "strict").status).toBe("fail");
    expect(run(`${removed}+0 close(4) = 0\n+0 > F. 2501:2501(0) ack 1\n`).status).toBe("fail");
  });

  it("names the segment expected, the one seen and the connection's variables", () => {
    const verdict = run(mutant(SENT, "P. 1:2501(2500) ack 1", "P. 1:2501(2500) ack 9"));
    expect(verdict.expected).toContainEqual({ name: "ack", text: "9" });
    expect(verdict.seen).toContainEqual({ name: "ack", text: "1" });
    expect(verdict.variables).toContainEqual({ name: "state", text: "ESTABLISHED" });
  });
});
