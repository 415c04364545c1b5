import { expect, test, vi } from "vitest";
import { checkScript } from "../../../../src/sim/packetdrill/check-script.ts";
import { formatTally, formatVerdict } from "../../../../src/sim/packetdrill/report.ts";
import { runScript } from "../../../../src/sim/packetdrill/run.ts";

vi.mock("../../../../src/sim/packetdrill/run.ts", () => ({ runScript: vi.fn() }));

const LENIENT = { profile: "linux", mode: "lenient" } as const;
const SCRIPT = "// a\n0 close(3) = 0\n+0 > P. 1:1001(1000) ack 1\n+0 close(4) = 0\n+1 `x`\n";

test("a pass is one line, and so is what is unsupported", () => {
  expect(formatVerdict("a.pkt", SCRIPT, { status: "pass", line: null, message: "" })).toBe(
    "pass         a.pkt\n",
  );
  expect(formatVerdict("a.pkt", SCRIPT, { status: "unsupported", line: 5, message: "`x`: unknown" })).toBe(
    "unsupported  a.pkt:5: `x`: unknown\n",
  );
});

test("a failure shows its event, both segments by column, and the connection's variables", () => {
  const report = formatVerdict("a.pkt", SCRIPT, {
    status: "fail",
    line: 3,
    message: "sequence number and options differ",
    atUs: 210_000,
    expected: [
      { name: "flags", text: "P." },
      { name: "seq", text: "1:1001(1000)" },
      { name: "ack", text: "1" },
    ],
    seen: [
      { name: "flags", text: "." },
      { name: "seq", text: "1:501(500)" },
      { name: "ack", text: "1" },
      { name: "options", text: "nop,nop,TS val 1 ecr 2" },
    ],
    differing: ["seq", "options"],
    variables: [
      { name: "state", text: "ESTABLISHED" },
      { name: "snd.una", text: "1" },
    ],
  });
  expect(report).toBe(`fail         a.pkt:3: sequence number and options differ
    1 | // a
    2 | 0 close(3) = 0
  > 3 | +0 > P. 1:1001(1000) ack 1
    4 | +0 close(4) = 0
    5 | +1 \`x\`
             flags  seq           ack  options
    expected P.     1:1001(1000)  1    -
    seen     .      1:501(500)    1    nop,nop,TS val 1 ecr 2
                    ^^^^^^^^^^^^       ^^^^^^^^^^^^^^^^^^^^^^
    at 0.210000 s: state ESTABLISHED, snd.una 1
`);
});

test("one segment alone stands alone, and many variables are wrapped", () => {
  const report = formatVerdict("a.pkt", SCRIPT, {
    status: "fail",
    line: 1,
    message: "no segment",
    seen: [{ name: "flags", text: "R" }],
    differing: ["flags"],
    variables: Array.from({ length: 20 }, (_, index) => ({ name: `variable${index}`, text: "1" })),
  });
  const lines = report.split("\n");
  expect(lines.slice(1, 6)).toEqual([
    "  > 1 | // a",
    "    2 | 0 close(3) = 0",
    "    3 | +0 > P. 1:1001(1000) ack 1",
    "             flags",
    "    seen     R",
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(101);
  expect(report).toContain("variable19 1\n");
});

test("variables are told as people say them: recovery's states by name, no limit, times with their unit", () => {
  const variables = [
    ["ssthresh", "2147483647"],
    ["ca_state", "3"],
    ["srtt", "100000"],
    ["rto", "200000"],
    ["retransmit in", "-"],
  ].map(([name, text]) => ({ name: name!, text: text! }));
  const report = formatVerdict("a.pkt", "", { status: "fail", line: null, message: "no", variables });
  expect(report).toContain(
    "ssthresh infinite, ca_state recovery, srtt 100000 us, rto 200000 us, retransmit in -\n",
  );
});

test("the tally ends a report", () => {
  expect(formatTally({ files: 1, pass: 1, fail: 0, unsupported: 0 }, "linux, lenient")).toBe(
    "1 script: 1 pass, 0 fail, 0 unsupported (linux, lenient)\n",
  );
});

test("a script that can't be read fails at its line; one beyond us is unsupported there", () => {
  expect(checkScript("\n0 close(3) =", "a.pkt", LENIENT)).toEqual({
    status: "fail",
    line: 2,
    message: "column 13: expected a value, found the end of the script",
  });
  expect(checkScript("\n0 < sctp: X", "a.pkt", LENIENT)).toEqual({
    status: "unsupported",
    line: 2,
    message: "SCTP: unsupported",
  });
});

test("a crash of the interpreter is a failure, on one line", () => {
  vi.mocked(runScript).mockImplementation(() => {
    throw new TypeError("x is\nnot a function");
  });
  const verdict = checkScript("0 close(3) = 0", "a.pkt", LENIENT);
  expect(verdict).toMatchObject({ status: "fail", line: null });
  expect(verdict.message).toMatch(/^the interpreter crashed: TypeError: x is not a function/);
});
