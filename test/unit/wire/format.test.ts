import { expect, test } from "vitest";
import { formatFlags, formatSegment } from "../../../src/wire/format.ts";
import { ACK, FIN, RST } from "../../../src/wire/segment.ts";
import {
  DATA_HEX,
  hex,
  IP_OPTIONS_HEX,
  parse,
  SACK_HEX,
  SYN_HEX,
  segmentOver,
  tcpPacket,
} from "./packets.ts";

function lineOf(bytes: Uint8Array): string {
  const seg = segmentOver(bytes);
  expect(parse(seg)).toBe(0);
  return formatSegment(seg);
}

test.each([
  [
    "a SYN",
    hex(SYN_HEX),
    "Flags [S], seq 4294967294, win 64240, options [mss 1460,sackOK,TS val 2147483649 ecr 0,nop,wscale 7], length 0",
  ],
  [
    "data",
    hex(DATA_HEX),
    "Flags [P.], seq 2147483648:2147483653, ack 2147483647, win 502, options [nop,nop,TS val 4294967280 ecr 7], length 5",
  ],
  [
    "SACK",
    hex(SACK_HEX),
    "Flags [.], ack 2, win 3, options [nop,nop,TS val 5 ecr 6,nop,nop,sack 3 {4294967280:16}{2147483647:2147483649}{3:4}], length 0",
  ],
  ["urgent data", hex(IP_OPTIONS_HEX), "Flags [P.U], seq 1:2, ack 2, win 3, urg 1, length 1"],
  ["a RST without ACK", tcpPacket({ flags: RST, wnd: 0 }), "Flags [R], seq 1, win 0, length 0"],
  [
    "text across 2^32",
    tcpPacket({ flags: FIN | ACK, seq: -1, text: hex("6162") }),
    "Flags [F.], seq 4294967295:1, ack 2, win 1024, length 2",
  ],
  [
    "options unknown, ended and malformed",
    tcpPacket({ options: hex("fe04f98901010100") }),
    "Flags [.], ack 2, win 1024, options [unknown-254 0xf989,nop,nop,nop,eol], length 0",
  ],
  [
    "an option past the header",
    tcpPacket({ options: hex("0101fe09") }),
    "Flags [.], ack 2, win 1024, options [nop,nop,[bad opt 254]], length 0",
  ],
])("%s reads as tcpdump prints it", (_name, bytes, line) => {
  expect(lineOf(bytes)).toBe(`IP 10.77.0.1.43210 > 10.77.0.2.7: ${line}`);
});

test("every control bit has tcpdump's letter", () => {
  expect(formatFlags(0xff)).toBe("FSRP.UEW");
  expect(formatFlags(0)).toBe("none");
});
