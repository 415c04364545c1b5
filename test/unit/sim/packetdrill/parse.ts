/** Parsing for the tests of the parser: a script, one event of it, or the error that refuses it. */
import { assert } from "vitest";
import type {
  Packet,
  Script,
  ScriptEvent,
  SystemCall,
  TcpPacket,
} from "../../../../src/sim/packetdrill/ast.ts";
import { ParseError } from "../../../../src/sim/packetdrill/parse-error.ts";
import { parseScript } from "../../../../src/sim/packetdrill/parse-script.ts";

export function parse(text: string, platform: "linux" | "freebsd" = "linux"): Script {
  return parseScript(text, { file: "a.pkt", platform });
}

export function parseOne(line: string): ScriptEvent {
  const { events } = parse(line);
  assert.equal(events.length, 1, line);
  return events[0]!;
}

export function parseTcpLine(line: string): TcpPacket {
  const { action } = parseOne(`0 ${line}`);
  assert(action.kind === "tcp", line);
  return action;
}

export function parsePacketLine(line: string): Packet {
  const { action } = parseOne(`0 ${line}`);
  assert(action.kind === "tcp" || action.kind === "udp" || action.kind === "icmp", line);
  return action;
}

export function parseCallLine(line: string): SystemCall {
  const { action } = parseOne(`0 ${line}`);
  assert(action.kind === "syscall", line);
  return action;
}

export function refusal(text: string): ParseError {
  try {
    parse(text);
  } catch (error) {
    assert(error instanceof ParseError, String(error));
    return error;
  }
  throw new Error(`parsed: ${text}`);
}
