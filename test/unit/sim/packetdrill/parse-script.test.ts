import { describe, expect, test } from "vitest";
import { parse, parseOne, refusal } from "./parse.ts";

describe("options, commands and definitions", () => {
  test("options come in either dialect's spelling, quoted or not, with or without a value", () => {
    const { options } = parse(`--ip_version=ipv6
--tolerance_usecs=75000
--local_ip=fd3d:0a0b:17d6::1 --remote_ip=192.0.2.1
--name="two words"
--non_fatal=packet,syscall
--send_omit_free
0 close(3) = 0`);
    expect(options.map(({ line, name, value }) => [line, name, value])).toEqual([
      [1, "ip_version", "ipv6"],
      [2, "tolerance_usecs", "75000"],
      [3, "local_ip", "fd3d:0a0b:17d6::1"],
      [3, "remote_ip", "192.0.2.1"],
      [4, "name", "two words"],
      [5, "non_fatal", "packet,syscall"],
      [6, "send_omit_free", null],
    ]);
  });

  test("a definition stands for a word, a number, a string or a command in all events", () => {
    const { options, events } = parse(`--define=CC="reno"
--define=N=7
-D FLAG=SO_ERROR
--define=RESTORE=\`restore it\`
0 setsockopt(N, FLAG, [CC]) = 0
+0 RESTORE`);
    expect(options.map(({ name, value }) => [name, value])).toEqual([
      ["define", 'CC="reno"'],
      ["define", "N=7"],
      ["define", "FLAG=SO_ERROR"],
      ["define", "RESTORE=`restore it`"],
    ]);
    expect(events[0]!.action).toMatchObject({
      arguments: [
        { kind: "integer", value: 7 },
        { kind: "symbol", name: "SO_ERROR" },
        { kind: "array", items: [{ kind: "string", value: "reno" }] },
      ],
    });
    expect(events[1]!.action).toMatchObject({ kind: "command", text: "restore it" });
  });

  test("commands without a time are set-up before the events and clean-up after them", () => {
    const script = parse(
      "`../common/defaults.sh\n ../x.py a=0`\n0 `mid`\n+0 close(3) = 0\n`/tmp/restore_it.sh`",
    );
    expect(script.init).toEqual([{ kind: "command", line: 1, text: "../common/defaults.sh\n ../x.py a=0" }]);
    expect(script.events.map((event) => event.line)).toEqual([3, 4]);
    expect(script.cleanup).toEqual([{ kind: "command", line: 5, text: "/tmp/restore_it.sh" }]);
    expect(refusal("0 close(3) = 0\n`a`\n+0 close(4) = 0").message).toBe(
      "a.pkt:3:1: expected the end of the script after a command without a time, found '+'",
    );
  });

  test("comments of C and of C++ are skipped, and lines stay true", () => {
    const { events } = parse("// one\n/* two\n three **/ 0 /* x */ close(3) = 0 // five\n\n+0 close(4) = 0");
    expect(events.map((event) => event.line)).toEqual([3, 5]);
  });

  test("#ifdef keeps the sections of the platform that is asked for", () => {
    const text =
      "#ifdef FreeBSD\n0 close(1) = 0\n#endif\n#ifdef linux\n0 close(2) = 0\n#endif\n0 close(3) = 0";
    expect(parse(text, "freebsd").events.map((event) => event.line)).toEqual([2, 7]);
    expect(parse(text, "linux").events.map((event) => event.line)).toEqual([5, 7]);
  });

  test("a script without an event is refused", () => {
    expect(refusal("// nothing\n").message).toBe("a.pkt:2:1: expected an event, found the end of the script");
  });
});

describe("times", () => {
  test("a time is absolute, relative, any or a range, in microseconds", () => {
    const times = parse(`0 close(3) = 0
+.29 close(3) = 0
1.5~2 > . 1:1(0) ack 1
+0.2~+0.300001 > . 1:1(0) ack 1
* > . 1:1(0) ack 1`).events.map((event) => event.time);
    expect(times).toEqual([
      { kind: "absolute", us: 0 },
      { kind: "relative", us: 290_000 },
      { kind: "absolute-range", us: 1_500_000, endUs: 2_000_000 },
      { kind: "relative-range", us: 200_000, endUs: 300_001 },
      { kind: "any" },
    ]);
  });

  test("a blocking call says when it returns", () => {
    expect(parseOne("+.1...0.200 connect(3, ..., ...) = 0")).toMatchObject({
      time: { kind: "relative", us: 100_000 },
      action: { kind: "syscall", name: "connect", endUs: 200_000 },
    });
    expect(parseOne("0...1 accept(3, ..., ...) = 4")).toMatchObject({
      time: { kind: "absolute", us: 0 },
      action: { endUs: 1_000_000 },
    });
    expect(parseOne("0 accept(3, ..., ...) = 4").action).toMatchObject({ endUs: null });
  });

  test("a range or any time before anything but an outbound packet is refused", () => {
    expect(refusal("* < . 1:1(0) ack 1").message).toBe(
      "a.pkt:1:1: expected an outbound packet after the time '*'",
    );
    expect(refusal("1~2 close(3) = 0").message).toContain("expected an outbound packet after a range");
    expect(refusal("2~1 > . 1:1(0)").message).toContain("runs forwards");
    expect(refusal("+-1 close(3) = 0").message).toContain("expected a time from 0 s, found -1");
  });
});

describe("errors", () => {
  test("an error names the file, the line and the column of what it found", () => {
    expect(refusal("0 close(3) = 0\n  +0 > S 0:0(0) <mss>").message).toBe(
      "a.pkt:2:21: expected an MSS, found '>'",
    );
    expect(refusal("0 close(3)").message).toBe("a.pkt:1:11: expected '=', found the end of the script");
    expect(refusal("close(3) = 0").message).toBe("a.pkt:1:1: expected the time of an event, found 'close'");
    expect(refusal("0 $").message).toContain("a.pkt:1:3: expected a packet ('<' or '>'), a system call");
  });

  test.each([
    ['0 write(3, "abc', "a.pkt:1:12: expected the end of this string"],
    ["0 `ls", "a.pkt:1:3: expected the end of this command"],
    ["0 %{ assert 1", "a.pkt:1:3: expected the end of this code"],
    ["\n /* never", "a.pkt:2:2: expected the end of this comment"],
  ])("what is opened and not closed is named where it opens: %s", (text, message) => {
    expect(refusal(text).message).toBe(message);
  });

  test.each([
    ["0 < sctp: DATA[flgs=BE]", "SCTP"],
    ["0 > udplite(100, 8)", "UDP-Lite"],
    ["0 < [sctp(1)] icmp unreachable host_unreachable", "SCTP"],
    ["0 < [udplite(8, 8)] icmp unreachable host_unreachable", "UDP-Lite"],
    ["0 < S 0:0(0) win 1 {mut tcp mss}", "fuzzing"],
    ["0 getsockopt(3, A, B, {(label 1, tc 0, ttl 3)}, ...) = 0", "MPLS"],
    ["0 %{ for x in y: pass }%", "Python's 'for'"],
  ])("what the language has and we lack is unsupported, not wrong: %s", (text, what) => {
    const error = refusal(text);
    expect(error.unsupported).toBe(true);
    expect(error.reason).toContain(what);
    expect(error.line).toBe(1);
  });
});
