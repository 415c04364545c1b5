import { describe, expect, test } from "vitest";
import { TCP_FLAGS } from "../../../../src/sim/packetdrill/ast.ts";
import { optionBytes } from "../../../../src/sim/packetdrill/parse-tcp-options.ts";
import { parsePacketLine, parseTcpLine, refusal } from "./parse.ts";

const { FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE } = TCP_FLAGS;

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe("TCP packets", () => {
  test("a packet has direction, flags, sequence range, ack, win, urg and options", () => {
    expect(parseTcpLine("< PU. 1:1001(1000) ack 4001 win 257 urg 12 <nop,nop>")).toEqual({
      kind: "tcp",
      line: 1,
      direction: "inbound",
      encapsulation: [],
      ip: { ecn: null, tos: null, flowLabel: null, ttl: null },
      ports: null,
      flags: PSH | URG | ACK,
      ace: null,
      sequence: { start: 1, length: 1000, absolute: false, any: false },
      ack: 4001,
      window: 257,
      urgent: 12,
      options: [{ kind: "nop" }, { kind: "nop" }],
      udpEncapsulation: null,
    });
  });

  test("what a line leaves out is null, and no options at all is an empty list", () => {
    expect(parseTcpLine("> S 0:0(0)")).toMatchObject({ ack: null, window: null, urgent: null, options: [] });
    expect(parseTcpLine("> S 0:0(0) <...>").options).toBe("any");
  });

  test.each([
    ["S", SYN],
    ["S.", SYN | ACK],
    ["F.", FIN | ACK],
    ["FP.", FIN | PSH | ACK],
    ["R", RST],
    ["R.", RST | ACK],
    ["SF", SYN | FIN],
    ["SEW", SYN | ECE | CWR],
    ["SEWA", SYN | ECE | CWR | AE],
    ["SE.", SYN | ECE | ACK],
    ["PW.", PSH | CWR | ACK],
    [".", ACK],
    ["-", 0],
    ["U.", URG | ACK],
  ])("flags %s", (text, flags) => {
    expect(parseTcpLine(`> ${text} 0:0(0)`)).toMatchObject({ flags, ace: null });
  });

  test.each([
    [".5", ACK | AE | ECE],
    ["P.2", PSH | ACK | CWR],
    ["S.0", SYN | ACK],
    ["F.7", FIN | ACK | AE | CWR | ECE],
  ])("RFC 9768 3.2: the number behind the dot is the ACE field: %s", (text, flags) => {
    expect(parseTcpLine(`> ${text} 1:1(0) ack 1`)).toMatchObject({ flags, ace: Number(text.at(-1)) });
  });

  test("flags that TCP lacks, and an ACE field beyond three bits, are refused", () => {
    expect(refusal("0 > SX 0:0(0)").message).toBe(
      "a.pkt:1:5: expected TCP flags (letters of FSRPUEWA), found 'SX'",
    );
    expect(refusal("0 > .8 0:0(0)").reason).toContain("ACE field from 0 to 7");
    expect(refusal("0 > 1:1(0)").reason).toContain("expected TCP flags");
  });

  test("a sequence range must agree with its length, modulo 2^32", () => {
    expect(parseTcpLine("< . 4294967295:4(5) ack 1").sequence).toMatchObject({
      start: 4_294_967_295,
      length: 5,
    });
    expect(refusal("0 < . 1:1000(1000) ack 1").message).toBe(
      "a.pkt:1:7: expected 1:1001(1000), found end 1000",
    );
    expect(refusal("0 < . 4294967296:4294967296(0)").reason).toContain("from 0 to 4294967295");
    expect(refusal("0 < . -1:0(1)").reason).toContain("found -1");
  });

  test("FreeBSD: a sequence number is absolute with '!', or any with '...'", () => {
    expect(parseTcpLine("> R. 0:0(0)! ack 2").sequence).toEqual({
      start: 0,
      length: 0,
      absolute: true,
      any: false,
    });
    expect(parseTcpLine("> . ...(0) ack 1").sequence).toMatchObject({ any: true, length: 0 });
  });

  test("FreeBSD: TCP in UDP has its ports behind the options", () => {
    expect(parseTcpLine("< F. 1:1(0) ack 1 win 9 <nop,nop>/udp(1 > 9811)").udpEncapsulation).toEqual({
      source: 1,
      destination: 9811,
    });
  });

  test("ports stand before the flags", () => {
    expect(parseTcpLine("< 40000 > 8080 S 0:0(0) win 10").ports).toEqual({
      source: 40_000,
      destination: 8080,
    });
    expect(refusal("0 < 70000 > 1 S 0:0(0)").reason).toContain("a source port from 0 to 65535");
  });

  test.each([
    ["[ect0]", { ecn: "ect0" }],
    ["[noecn]", { ecn: "noecn" }],
    ["(ce)", { ecn: "ce" }],
    ["[ect01]", { ecn: "ect01" }],
    ["(tos 0x1c)", { tos: 0x1c }],
    ["[ttl 64]", { ttl: 64 }],
    ["[flowlabel 0xabcde]", { flowLabel: 0xabcde }],
    ["(ect1, flowlabel 0x1)", { ecn: "ect1", flowLabel: 1 }],
  ])("the IP header is checked where a prefix says so: %s", (prefix, ip) => {
    expect(parseTcpLine(`> ${prefix} . 1:1(0) ack 1`).ip).toEqual({
      ecn: null,
      tos: null,
      flowLabel: null,
      ttl: null,
      ...ip,
    });
  });

  test("a prefix that no inbound packet can have, or that is none, is refused", () => {
    expect(refusal("0 < [ect01] S 0:0(0)").reason).toContain("found ect01");
    expect(refusal("0 < [ect7] S 0:0(0)").reason).toContain("expected noecn, ect0");
    expect(refusal("0 < (tos 0x100) S 0:0(0)").reason).toContain("a TOS octet up to 0xff");
  });

  test("tunnel headers are kept by name", () => {
    const packet = parseTcpLine(
      "< ipv4 192.0.2.1 > 192.0.2.2: gre: mpls (label 1, tc 0, [S], ttl 3): S 0:0(0)",
    );
    expect(packet.encapsulation).toEqual(["ipv4", "gre", "mpls"]);
    expect(parseTcpLine("> ipv6 fd00::1 > fd00::2: . 1:1(0) ack 1").encapsulation).toEqual(["ipv6"]);
  });
});

describe("TCP options", () => {
  test.each([
    ["eol", { kind: "eol" }, 1],
    ["nop", { kind: "nop" }, 1],
    ["mss 1460", { kind: "mss", value: 1460 }, 4],
    ["wscale 14", { kind: "wscale", shift: 14 }, 3],
    ["sackOK", { kind: "sackOK" }, 2],
    [
      "sack 1:2 4294967295:3",
      {
        kind: "sack",
        blocks: [
          { left: 1, right: 2 },
          { left: 4_294_967_295, right: 3 },
        ],
      },
      18,
    ],
    ["TS val 100 ecr 200", { kind: "TS", val: 100, ecr: 200, ecrAbsolute: false }, 10],
    ["TS val ... ecr 7!", { kind: "TS", val: null, ecr: 7, ecrAbsolute: true }, 10],
    ["FO", { kind: "FO", cookie: bytes(), experimental: false }, 2],
    ["FO 0102", { kind: "FO", cookie: bytes(1, 2), experimental: false }, 4],
    ["FO 12ef", { kind: "FO", cookie: bytes(0x12, 0xef), experimental: false }, 4],
    ["FO abcd", { kind: "FO", cookie: bytes(0xab, 0xcd), experimental: false }, 4],
    ["FOEXP", { kind: "FO", cookie: bytes(), experimental: true }, 4],
    ["FOEXP 0a", { kind: "FO", cookie: bytes(10), experimental: true }, 5],
    ["md5 valid", { kind: "md5", digest: "valid" }, 18],
    ["md5 invalid", { kind: "md5", digest: "invalid" }, 18],
    ["md5 00ff", { kind: "md5", digest: bytes(0, 255) }, 4],
    ["raw 253 0102", { kind: "raw", number: 253, length: 4, data: bytes(1, 2) }, 4],
    ["raw 8 len 1", { kind: "raw", number: 8, length: 1, data: bytes() }, 2],
    ["e0b 1 ceb 2", { kind: "unknown", name: "e0b", text: "e0b 1 ceb 2" }, 0],
  ])("option %s", (text, option, size) => {
    const { options } = parseTcpLine(`> . 1:1(0) ack 1 <${text}>`);
    expect(options).toEqual([option]);
    expect(optionBytes(options[0] as Exclude<(typeof options)[0], string>)).toBe(size);
  });

  test("options keep their order and padding", () => {
    const { options } = parseTcpLine("> S 0:0(0) <mss 1460,nop,nop,sackOK,nop,wscale 8>");
    expect((options as readonly { kind: string }[]).map((option) => option.kind).join()).toBe(
      "mss,nop,nop,sackOK,nop,wscale",
    );
  });

  test.each([
    ["< S 0:0(0) <...>", "found <...>, which only an outbound packet takes"],
    ["> S 0:0(0) <mss 65536>", "an MSS from 0 to 65535"],
    ["> S 0:0(0) <wscale 256>", "a shift count from 0 to 255"],
    ["> S 0:0(0) <FO 123>", "octets in hexadecimal, two digits each, found '123'"],
    ["> S 0:0(0) <FO xy>", "octets in hexadecimal"],
    ["> S 0:0(0) <TS val 1>", "expected 'ecr', found '>'"],
    ["> S 0:0(0) <md5 >", "expected 'valid', 'invalid' or a digest"],
    [`> S 0:0(0) <md5 ${"00".repeat(17)}>`, "at most 16 octets"],
    [`> S 0:0(0) <mss 1,FO ${"00".repeat(35)}>`, "at most 40 octets of options, found 41"],
    ["> S 0:0(0) <mss 1 nop>", "expected ',' or '>', found 'nop'"],
    ["> S 0:0(0) <,>", "expected a TCP option"],
    ["> S 0:0(0) <what", "expected ',' or '>'"],
  ])("options that the wire can't hold or that aren't whole are refused: %s", (line, reason) => {
    expect(refusal(`0 ${line}`).reason).toContain(reason);
  });
});

describe("UDP and ICMP", () => {
  test("UDP has ports and a length", () => {
    expect(parsePacketLine("< udp (1000)")).toMatchObject({ kind: "udp", ports: null, length: 1000 });
    expect(parsePacketLine("> udp 1 > 2 (0)")).toMatchObject({ ports: { source: 1, destination: 2 } });
  });

  test("ICMP has type, code, MTU and the packet it echoes behind", () => {
    expect(parsePacketLine("< icmp unreachable frag_needed mtu 840 [0:1000(1000)]")).toMatchObject({
      kind: "icmp",
      type: "unreachable",
      code: "frag_needed",
      mtu: 840,
      id: null,
      echoed: { protocol: "tcp", sequence: { start: 0, length: 1000 } },
    });
    expect(parsePacketLine("> icmp echo_reply id 7")).toMatchObject({ code: null, id: 7, echoed: null });
    expect(parsePacketLine("< icmp unreachable port_unreachable [udp (8)]")).toMatchObject({
      echoed: { protocol: "udp", length: 8 },
    });
    expect(parsePacketLine("< icmp packet_too_big mtu 1280 [raw (40)]")).toMatchObject({
      echoed: { protocol: "raw", length: 40 },
    });
  });

  test("FreeBSD: the echoed packet stands before", () => {
    expect(parsePacketLine("< [4294967295:4294967295(0)] icmp unreachable net_prohibited")).toMatchObject({
      kind: "icmp",
      code: "net_prohibited",
      echoed: { protocol: "tcp", sequence: { start: 4_294_967_295 } },
    });
    expect(parsePacketLine("< [1:2(1)/udp(3 > 4)] icmp unreachable net_prohibited")).toMatchObject({
      echoed: { udpEncapsulation: { source: 3, destination: 4 } },
    });
    expect(refusal("0 < [1:2(1)] S 0:0(0)").reason).toContain("expected 'icmp'");
  });
});
