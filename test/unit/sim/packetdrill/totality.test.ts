import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluateCode } from "../../../../src/sim/packetdrill/code-evaluate.ts";
import { ParseError } from "../../../../src/sim/packetdrill/parse-error.ts";
import { parseScript } from "../../../../src/sim/packetdrill/parse-script.ts";

/** Parses, and runs the code within; false where the text is no script. */
function read(text: string): boolean {
  try {
    const script = parseScript(text, { file: "a.pkt", platform: "linux" });
    for (const { line, action } of script.events) {
      expect(line).toBeGreaterThan(0);
      expect(line).toBeLessThanOrEqual(script.lines.length);
      if (action.kind === "code") evaluateCode(action, { lookup: () => 1, variables: new Map() });
    }
    return true;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const lines = text.split("\n");
    expect(error.line).toBeGreaterThan(0);
    expect(error.line).toBeLessThanOrEqual(lines.length);
    expect(error.column).toBeGreaterThan(0);
    expect(error.column).toBeLessThanOrEqual(lines[error.line - 1]!.length + 1);
    expect(error.reason).not.toMatch(/\n/);
    return false;
  }
}

const SCRIPT = `// profiles: linux
--ip_version=ipv4
\`../common/defaults.sh\`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0x0 (flags O_RDWR)
+.1...0.2 connect(3, {sa_family = AF_INET, sin_port = htons(80)}, ...) = -1 EINPROGRESS (now)
+0~+.1 > [ect0] SEW 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,FO 01ab,sack 1:2 3:4>
* > .5 1:1(0) ack 1 <...>
+0 < [1:1(0)] icmp unreachable frag_needed mtu 840
+0 %{ assert 1 < tcpi_snd_cwnd <= 10 and (tcpi_x & 3) != 0, 'cwnd' }%
+0 poll([{fd=3, events=POLLIN, revents=0}], 1, 0) = 1
\`restore\`
`;
const PIECES = SCRIPT.match(/\s+|\w+|[^\w\s]/g)!;

test("the script that the others are made of parses", () => {
  expect(read(SCRIPT)).toBe(true);
});

test("any text is a script or a ParseError with a place in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      read(text);
    }),
    { numRuns: 2000 },
  );
});

test("any shuffle of a script's pieces is a script or a ParseError", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }), (pieces) => {
      read(pieces.join(""));
    }),
    { numRuns: 3000 },
  );
});

test("any script with one piece cut, doubled or replaced is a script or a ParseError", () => {
  const change = fc.record({
    at: fc.nat(PIECES.length - 1),
    piece: fc.oneof(fc.constant(""), fc.constantFrom(...PIECES), fc.string({ maxLength: 3 })),
    keep: fc.boolean(),
  });
  fc.assert(
    fc.property(change, ({ at, piece, keep }) => {
      const pieces = [...PIECES];
      pieces.splice(at, keep ? 0 : 1, piece);
      read(pieces.join(""));
    }),
    { numRuns: 3000 },
  );
});

test.each(["(", "[", "{a=", "-", "not ", "1+", "a if b else ", "1<", "1**", "assert ("])(
  "code or a call nested without end is refused, not crashed on: %s",
  (piece) => {
    expect(read(`0 %{ assert ${piece.repeat(20_000)} }%`)).toBe(false);
    expect(read(`0 f(${piece.repeat(20_000)}`)).toBe(false);
  },
);

test("a script of twenty thousand events parses in linear time", () => {
  const event = "+0 > P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 1 ecr 2>\n";
  expect(read(`0 close(3) = 0\n${event.repeat(20_000)}`)).toBe(true);
}, 20_000);
