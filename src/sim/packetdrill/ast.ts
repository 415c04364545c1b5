/**
 * A packetdrill script as parsed: what it says, not what it means. Both dialects (google/packetdrill, FreeBSD's fork)
 * give the same nodes; a node that only one of them has says so. Numbers are the script's own: sequence numbers
 * relative where the language makes them relative, windows unscaled, constants unresolved. Every node that can be
 * blamed carries its line, from 1. Knows neither the lexer nor the stack.
 */

export interface Script {
  /** As given to the parser; it only names the script. */
  readonly file: string;
  /** The text by line, for reports: `lines[line - 1]`. */
  readonly lines: readonly string[];
  readonly options: readonly ScriptOption[];
  /** Commands without a time before the first event. */
  readonly init: readonly Command[];
  readonly events: readonly ScriptEvent[];
  /** Commands without a time after the last event; they run on failure too. */
  readonly cleanup: readonly Command[];
}

/**
 * `--name=value` or `--name` (value null). `--define=NAME=VALUE` and `-D NAME=VALUE` are here with name `define` and
 * value `NAME=VALUE`, and are already substituted in the events.
 */
export interface ScriptOption {
  readonly line: number;
  readonly name: string;
  readonly value: string | null;
}

export interface ScriptEvent {
  readonly line: number;
  readonly time: EventTime;
  readonly action: Packet | SystemCall | Command | Code;
}

/**
 * When an event happens or is expected, in microseconds. Relative times count from the event before. Ranges and
 * `any` (`*`) stand before outbound packets only.
 */
export type EventTime =
  | { readonly kind: "absolute"; readonly us: number }
  | { readonly kind: "relative"; readonly us: number }
  | { readonly kind: "any" }
  | { readonly kind: "absolute-range"; readonly us: number; readonly endUs: number }
  | { readonly kind: "relative-range"; readonly us: number; readonly endUs: number };

export type Packet = TcpPacket | UdpPacket | IcmpPacket;

/** `<` is inbound (the script sends it to the stack), `>` outbound (the stack is expected to send it). */
export type Direction = "inbound" | "outbound";

interface PacketHead {
  readonly line: number;
  readonly direction: Direction;
  /** Headers around it by name, outermost first (`ipv4`, `ipv6`, `gre`, `mpls`): empty but for tunnel tests. */
  readonly encapsulation: readonly string[];
  readonly ip: IpPrefix;
}

/** `[ect0]`, `(tos 0x10)`, `[ttl 64]`, `(ect1, flowlabel 0x2)`: null is not said, so not compared. */
export interface IpPrefix {
  /** `ect01`: either of the two, outbound only. */
  readonly ecn: "noecn" | "ect0" | "ect1" | "ect01" | "ce" | null;
  /** The whole octet, ECN included. */
  readonly tos: number | null;
  readonly flowLabel: number | null;
  readonly ttl: number | null;
}

export interface TcpPacket extends PacketHead {
  readonly kind: "tcp";
  readonly ports: Ports | null;
  /** `TCP_FLAGS` bits. */
  readonly flags: number;
  /** The number behind the dot (`P.5`): AccECN's ACE field, already in `flags` as AE, CWR, ECE; null where not given. */
  readonly ace: number | null;
  readonly sequence: SequenceRange;
  /** null: no `ack N` on the line. */
  readonly ack: number | null;
  /** The 16 bits on the wire; null: not said. */
  readonly window: number | null;
  readonly urgent: number | null;
  /** In order; `any` is `<...>`; no `<>` at all is an empty list, which says that there are none. */
  readonly options: readonly TcpOption[] | "any";
  /** `/udp(SOURCE > DESTINATION)` (FreeBSD): TCP in UDP, RFC 6951's way. */
  readonly udpEncapsulation: Ports | null;
}

/** Header bits 4 to 15 as on the wire (RFC 9293 3.1; AE: RFC 9768). */
export const TCP_FLAGS = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
  AE: 0x100,
} as const;

export interface Ports {
  readonly source: number;
  readonly destination: number;
}

/** `START:END(LENGTH)`; END is START + LENGTH (the parser checks), and doesn't count SYN or FIN. */
export interface SequenceRange {
  readonly start: number;
  readonly length: number;
  /** `0:0(0)!` (FreeBSD): the number as on the wire, not relative to the ISN. */
  readonly absolute: boolean;
  /** `...(LENGTH)` (FreeBSD): any sequence number; `start` is 0. */
  readonly any: boolean;
}

export type TcpOption =
  | { readonly kind: "eol" }
  | { readonly kind: "nop" }
  | { readonly kind: "mss"; readonly value: number }
  | { readonly kind: "wscale"; readonly shift: number }
  | { readonly kind: "sackOK" }
  | { readonly kind: "sack"; readonly blocks: readonly SackBlock[] }
  | {
      readonly kind: "TS";
      /** null: `TS val ... ecr N` (FreeBSD), any value. */
      readonly val: number | null;
      readonly ecr: number;
      /** `ecr N!` (FreeBSD): as on the wire, not mapped from the script's values. */
      readonly ecrAbsolute: boolean;
    }
  /** `FO`, `FO 0102` (kind 34), `FOEXP 0102` (kind 254 with magic 0xf989); an empty cookie is a request. */
  | { readonly kind: "FO"; readonly cookie: Uint8Array; readonly experimental: boolean }
  /** `md5 valid`, `md5 invalid` (FreeBSD), `md5 HEX`. */
  | { readonly kind: "md5"; readonly digest: "valid" | "invalid" | Uint8Array }
  /**
   * `raw KIND [len N] [HEX]` (ours): any option, `length` the octet on the wire (2 + data unless `len` says
   * otherwise, as a broken one does).
   */
  | { readonly kind: "raw"; readonly number: number; readonly length: number; readonly data: Uint8Array }
  /** A name the parser doesn't know, with its text: to be reported as unsupported. */
  | { readonly kind: "unknown"; readonly name: string; readonly text: string };

export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

export interface UdpPacket extends PacketHead {
  readonly kind: "udp";
  readonly ports: Ports | null;
  readonly length: number;
}

/** `icmp TYPE [CODE] [mtu N] [id N] [[ECHOED]]`, in FreeBSD's dialect `[ECHOED] icmp TYPE ...`. */
export interface IcmpPacket extends PacketHead {
  readonly kind: "icmp";
  /** `unreachable`, `echo_request`, ...; resolved by IP version. */
  readonly type: string;
  readonly code: string | null;
  readonly mtu: number | null;
  readonly id: number | null;
  /** The packet it complains about; null: the connection's own at sequence 0. */
  readonly echoed: EchoedPacket | null;
}

export type EchoedPacket =
  | { readonly protocol: "tcp"; readonly sequence: SequenceRange; readonly udpEncapsulation: Ports | null }
  | { readonly protocol: "udp"; readonly length: number }
  | { readonly protocol: "raw"; readonly length: number };

/** `name(arguments) = result [ERRNO (text)] [(note)]`. */
export interface SystemCall {
  readonly kind: "syscall";
  readonly line: number;
  readonly name: string;
  readonly arguments: readonly Expression[];
  readonly result: Expression;
  readonly error: ExpectedError | null;
  /** `(flags O_RDWR|O_NONBLOCK)` after the result, without the parentheses; means nothing. */
  readonly note: string | null;
  /**
   * `t...END name()`: the call blocks, and returns at END; null: it returns at once. After `+t`, END counts from the
   * same event as `t` does.
   */
  readonly endUs: number | null;
}

export interface ExpectedError {
  /** `EINPROGRESS`. */
  readonly name: string;
  /** `Operation now in progress`: not compared, as systems word it differently; null where left out. */
  readonly text: string | null;
}

export type Expression =
  | { readonly kind: "ellipsis"; readonly line: number }
  | {
      readonly kind: "integer";
      readonly line: number;
      /** Exact up to 2^53; `text` has the rest. */
      readonly value: number;
      readonly text: string;
    }
  /** A constant by name: `SOCK_STREAM`. */
  | { readonly kind: "symbol"; readonly line: number; readonly name: string }
  /** Escapes resolved, neighbours joined; `truncated`: `"abc"...`, the rest is whatever it is. */
  | {
      readonly kind: "string";
      readonly line: number;
      readonly value: string;
      readonly truncated: boolean;
    }
  /** `A|B|C`. */
  | { readonly kind: "or"; readonly line: number; readonly terms: readonly Expression[] }
  /** `[a, b]`. */
  | { readonly kind: "array"; readonly line: number; readonly items: readonly Expression[] }
  /** `{fd=3, events=POLLIN}`, `{..., 1000}`, `{msg_iov(1)=[...], ...}`. */
  | { readonly kind: "struct"; readonly line: number; readonly fields: readonly StructField[] }
  /** `htons(8080)`, `inet_addr("192.0.2.1")`. */
  | {
      readonly kind: "call";
      readonly line: number;
      readonly name: string;
      readonly arguments: readonly Expression[];
    }
  /** `NAME=value` outside a struct, as in `[TCP_MAXSEG=1000]`. */
  | { readonly kind: "assign"; readonly line: number; readonly name: string; readonly value: Expression };

export interface StructField {
  readonly line: number;
  /** null: by position. */
  readonly name: string | null;
  /** The parenthesis behind the name, `1` in `msg_iov(1)=[...]`; null where there is none. */
  readonly count: Expression | null;
  readonly value: Expression;
}

/** A backquoted command line; its text, newlines included. */
export interface Command {
  readonly kind: "command";
  readonly line: number;
  readonly text: string;
}

/** `%{ ... }%`: parsed; `evaluateCode` in code-evaluate.ts runs it. */
export interface Code {
  readonly kind: "code";
  readonly line: number;
  readonly text: string;
  readonly statements: readonly CodeStatement[];
}

export type CodeStatement =
  | {
      readonly kind: "assert";
      readonly line: number;
      readonly condition: CodeExpression;
      readonly message: CodeExpression | null;
      /** The condition as written. */
      readonly text: string;
    }
  /** `name = value`; `operator` is `+` in `name += value`. */
  | {
      readonly kind: "assign";
      readonly line: number;
      readonly name: string;
      readonly operator: CodeOperator | null;
      readonly value: CodeExpression;
    }
  /** Evaluated, its value dropped (`print(...)`). */
  | { readonly kind: "expression"; readonly line: number; readonly value: CodeExpression };

export type CodeOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "<<" | ">>" | "&" | "|" | "^";

export type CodeComparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "is" | "is not";

export type CodeExpression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "constant"; readonly value: boolean | null }
  | { readonly kind: "name"; readonly name: string; readonly line: number }
  | { readonly kind: "tuple"; readonly items: readonly CodeExpression[] }
  | { readonly kind: "unary"; readonly operator: "-" | "+" | "~" | "not"; readonly operand: CodeExpression }
  | {
      readonly kind: "binary";
      readonly operator: CodeOperator;
      readonly left: CodeExpression;
      readonly right: CodeExpression;
    }
  | { readonly kind: "logic"; readonly operator: "and" | "or"; readonly operands: readonly CodeExpression[] }
  /** `a < b == c`: `operators[i]` stands between `operands[i]` and the next. */
  | {
      readonly kind: "comparison";
      readonly operators: readonly CodeComparison[];
      readonly operands: readonly CodeExpression[];
    }
  | {
      readonly kind: "choice";
      readonly condition: CodeExpression;
      readonly yes: CodeExpression;
      readonly no: CodeExpression;
    }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly line: number;
      readonly arguments: readonly CodeExpression[];
    };
