import { assert, describe, expect, test } from "vitest";
import {
  type CodeOutcome,
  type CodeValue,
  evaluateCode,
} from "../../../../src/sim/packetdrill/code-evaluate.ts";
import { parse, refusal } from "./parse.ts";

const FIELDS: Readonly<Record<string, CodeValue>> = {
  tcpi_snd_cwnd: 10,
  tcpi_snd_ssthresh: 2_147_483_647,
  tcpi_options: 0x27,
  tcpi_ca_state: 3,
  tcpi_bytes_acked: 4_294_967_301,
  tcpi_rtt: 100_250,
};

function run(code: string, variables: Map<string, CodeValue> = new Map()): CodeOutcome {
  const { action } = parse(`0 %{ ${code} }%`).events[0]!;
  assert(action.kind === "code");
  return evaluateCode(action, {
    lookup: (name) => (Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined),
    variables,
  });
}

function failure(code: string): string {
  const outcome = run(code);
  assert(!outcome.ok, `passed: ${code}`);
  return outcome.message;
}

describe("assertions", () => {
  test.each([
    "assert tcpi_snd_cwnd == 10",
    "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
    "assert snd_cwnd == 10, 'cwnd=%d' % snd_cwnd",
    "assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0, tcpi_options",
    "assert tcpi_options & TCPI_OPT_ECN == 0",
    "assert tcpi_ca_state == TCP_CA_Recovery",
    "assert 9 < tcpi_snd_cwnd <= 10 < 11",
    "assert not tcpi_snd_cwnd == 11 and tcpi_rtt > 0 or False",
    "assert tcpi_snd_cwnd in (9, 10)",
    "assert tcpi_snd_cwnd not in [1, 2]",
    "assert tcpi_snd_ssthresh == 0x7fffffff",
    "assert tcpi_bytes_acked == (1 << 32) + 5",
    "assert tcpi_bytes_acked & 0xffffffff == 5",
    "assert abs(tcpi_rtt - 100000) < 1000",
    "assert tcpi_snd_cwnd // 3 == 3 and tcpi_snd_cwnd % 3 == 1 and tcpi_snd_cwnd / 4 == 2.5",
    "assert -7 // 2 == -4 and -7 % 3 == 2",
    "assert 2 ** 3 ** 2 == 512 and -2 ** 2 == -4",
    "assert ~5 == -6 and 6 ^ 3 == 5 and 1 | 2 == 3 and 256 >> 4 == 16",
    "assert 1e3 == 1000 and .5 * 2 == 1",
    "assert True == 1 and None is None and not None",
    "assert max(1, 3, 2) == 3 and min([4, 2]) == 2 and len('abc') == 3",
    "assert (1 if tcpi_rtt else 2) == 1",
    "assert 'b' in 'abc' and 'a' + 'b' == 'ab' and 'a' < 'b'",
    "assert (1, 2) < (1, 3) and (1,) == (1,)",
    "assert tcpi_rtt == 100250 and \\\n tcpi_snd_cwnd == 10",
    "assert (tcpi_rtt == 100250 and\n   tcpi_snd_cwnd == 10)",
    "assert tcpi_rtt; assert tcpi_options # fine",
    "print tcpi_rtt, 'x'\nprint(tcpi_rtt)\nimport math\npass\nassert 1",
    "import re; assert 1",
  ])("holds: %s", (code) => {
    expect(run(code)).toEqual({ ok: true });
  });

  test.each([
    ["assert tcpi_snd_cwnd == 11", "assertion failed: tcpi_snd_cwnd == 11 (tcpi_snd_cwnd is 10)"],
    [
      "assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd",
      "assertion failed: tcpi_snd_cwnd == 11 (tcpi_snd_cwnd is 10)",
    ],
    ["assert snd_cwnd > 10, 'too small'", "assertion failed: snd_cwnd > 10 (snd_cwnd is 10): too small"],
    [
      "assert 9 < snd_cwnd < 10, 'is %d' % snd_cwnd",
      "assertion failed: 9 < snd_cwnd < 10 (snd_cwnd is 10): is 10",
    ],
    ["assert 0, nosuch", "assertion failed: 0"],
    ["assert 0, 1 / 0", "assertion failed: 0: division by zero"],
    [
      "assert tcpi_ca_state == TCP_CA_Open",
      "assertion failed: tcpi_ca_state == TCP_CA_Open (tcpi_ca_state is 3)",
    ],
    ["assert ()", "assertion failed: ()"],
    ["assert tcpi_nosuch == 1", "unknown name 'tcpi_nosuch'"],
    ["assert constructor == 1", "unknown name 'constructor'"],
    ["assert nosuch(1)", "unknown function 'nosuch'"],
    ["assert tcpi_rtt // 0", "division by zero"],
    ["assert 'a' < 1", "no order between a and 1"],
    ["assert 'a' - 1", "cannot compute 'a' - 1"],
    ["assert 1.5 & 1", "'&' takes whole numbers, not 1.5"],
    ["assert 1 << 5000", "cannot shift by 5000"],
    ["assert 1 in 1", "1 holds nothing to look for"],
  ])("fails: %s", (code, message) => {
    expect(failure(code)).toBe(message);
  });

  test("the first that fails ends the code, and its line is the file's", () => {
    const { action } = parse("\n0 %{\nassert 1\n\nassert (2 ==\n  3)\nassert 0 }%").events[0]!;
    assert(action.kind === "code");
    expect(evaluateCode(action, { lookup: () => undefined, variables: new Map() })).toEqual({
      ok: false,
      line: 5,
      message: "assertion failed: (2 == 3)",
    });
  });

  test("variables live through a script's codes", () => {
    const variables = new Map<string, CodeValue>();
    run("before = tcpi_rtt; n = 1", variables);
    run("n += 2", variables);
    expect(run("assert tcpi_rtt - before == 0 and n == 3", variables)).toEqual({ ok: true });
    expect(failure("m += 1")).toBe("unknown name 'm'");
  });

  test.each([
    ["assert", "a.pkt:1:13: expected a value, found the end of the code"],
    ["assert 1 ==", "expected a value, found the end of the code"],
    ["assert 1 2", "a.pkt:1:15: expected the end of the statement, found '2'"],
    ["assert (1", "expected ',', found the end of the code"],
    ["assert $", "a.pkt:1:13: expected code, found '$'"],
    ["assert 1\nassert )", "a.pkt:2:8: expected a value, found ')'"],
  ])("what isn't whole is refused when the script is read: %s", (code, message) => {
    expect(refusal(`0 %{ ${code} }%`).message).toContain(message);
  });

  test.each(["if x: pass", "while 1: pass", "assert a[0]", "assert a.b", "assert lambda: 1"])(
    "Python beyond assertions is unsupported: %s",
    (code) => {
      expect(refusal(`0 %{ ${code} }%`).unsupported).toBe(true);
    },
  );
});
