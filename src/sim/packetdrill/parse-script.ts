/**
 * A script from its text: options, commands before and after, and events with their times. What an event says is
 * parse-packet's, parse-call's and parse-code's.
 */
import type { Code, Command, EventTime, Script, ScriptEvent, ScriptOption, SystemCall } from "./ast.ts";
import { lex, type Token } from "./lexer.ts";
import { parseCall } from "./parse-call.ts";
import { parseCode } from "./parse-code.ts";
import { parsePacket } from "./parse-packet.ts";
import { TokenCursor } from "./token-cursor.ts";

export interface ParseOptions {
  /** Names the script in errors and reports; as given. */
  readonly file: string;
  /** Whose `#ifdef` sections count. */
  readonly platform: "linux" | "freebsd";
}

/** The syntax tree of a script; throws nothing but ParseError. */
export function parseScript(text: string, options: ParseOptions): Script {
  const cursor = new TokenCursor(lex(text, options.file, options.platform));
  const scriptOptions = parseOptions(cursor);
  substituteDefinitions(cursor, scriptOptions);
  const init = parseCommands(cursor);
  const events: ScriptEvent[] = [];
  while (!cursor.isKind("end") && !cursor.isKind("backquoted")) events.push(parseEvent(cursor));
  if (events.length === 0) throw cursor.expected("an event");
  const cleanup = parseCommands(cursor);
  if (!cursor.isKind("end")) throw cursor.expected("the end of the script after a command without a time");
  return { file: options.file, lines: text.split("\n"), options: scriptOptions, init, events, cleanup };
}

function parseOptions(cursor: TokenCursor): ScriptOption[] {
  const options: ScriptOption[] = [];
  while (cursor.isKind("option")) {
    const { text, line } = cursor.next();
    if (text.startsWith("-D")) {
      options.push({ line, name: "define", value: text.slice(2).trim() });
      continue;
    }
    const equals = text.indexOf("=");
    const name = text.slice(2, equals === -1 ? undefined : equals).trim();
    const value = equals === -1 ? null : text.slice(equals + 1).trim();
    options.push({ line, name, value: value === null ? null : unquoted(value) });
  }
  return options;
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1) : value;
}

// A defined name stands for a string, a command, or whatever single word or number its value is.
function substituteDefinitions(cursor: TokenCursor, options: readonly ScriptOption[]): void {
  const definitions = new Map<string, Token>();
  for (const { name, value } of options) {
    if (name !== "define" || value === null) continue;
    const equals = value.indexOf("=");
    if (equals === -1) continue;
    const [token] = lex(value.slice(equals + 1).trim(), cursor.file, "").tokens;
    if (token !== undefined && token.kind !== "end") definitions.set(value.slice(0, equals).trim(), token);
  }
  if (definitions.size === 0) return;
  cursor.rewriteRest((token) => {
    const value = token.kind === "word" ? definitions.get(token.text) : undefined;
    return value === undefined ? token : { ...token, kind: value.kind, text: value.text };
  });
}

function parseCommands(cursor: TokenCursor): Command[] {
  const commands: Command[] = [];
  while (cursor.isKind("backquoted")) commands.push(parseCommand(cursor));
  return commands;
}

function parseCommand(cursor: TokenCursor): Command {
  const { text, line } = cursor.next();
  return { kind: "command", line, text };
}

function parseEvent(cursor: TokenCursor): ScriptEvent {
  const first = cursor.peek();
  const time = parseTime(cursor);
  const action = parseAction(cursor);
  const outbound =
    (action.kind === "tcp" || action.kind === "udp" || action.kind === "icmp") &&
    action.direction === "outbound";
  if (!outbound && time.kind === "any") {
    throw cursor.error(first, "expected an outbound packet after the time '*'");
  }
  if (!outbound && (time.kind === "absolute-range" || time.kind === "relative-range")) {
    throw cursor.error(first, "expected an outbound packet after a range of time");
  }
  return { line: first.line, time, action };
}

function parseTime(cursor: TokenCursor): EventTime {
  const first = cursor.peek();
  if (cursor.accept("*")) return { kind: "any" };
  const relative = cursor.accept("+");
  if (!relative && !isTime(cursor)) throw cursor.expected("the time of an event");
  const us = parseMicroseconds(cursor);
  if (!cursor.accept("~")) return { kind: relative ? "relative" : "absolute", us };
  if (relative) cursor.expect("+");
  const endUs = parseMicroseconds(cursor);
  if (endUs < us) throw cursor.error(first, "expected a range of time that runs forwards");
  return { kind: relative ? "relative-range" : "absolute-range", us, endUs };
}

function isTime(cursor: TokenCursor): boolean {
  return cursor.isKind("integer") || cursor.isKind("float");
}

/** Seconds in the script, rounded to microseconds: `0.29` is 290000, although the double is below it. */
function parseMicroseconds(cursor: TokenCursor): number {
  if (!isTime(cursor)) throw cursor.expected("a time in seconds");
  const token = cursor.next();
  const us = Math.round(Number(token.text) * 1e6);
  if (!(us >= 0 && us <= Number.MAX_SAFE_INTEGER)) {
    throw cursor.error(token, `expected a time from 0 s, found ${token.text}`);
  }
  return us;
}

function parseAction(cursor: TokenCursor): ScriptEvent["action"] {
  if (cursor.isAt("<") || cursor.isAt(">")) return parsePacket(cursor);
  if (cursor.isKind("backquoted")) return parseCommand(cursor);
  if (cursor.isKind("code")) return parseCodeEvent(cursor);
  if (cursor.isAt("...") || cursor.isKind("word")) return parseCallEvent(cursor);
  throw cursor.expected("a packet ('<' or '>'), a system call, a command in backquotes or code in %{ }%");
}

function parseCallEvent(cursor: TokenCursor): SystemCall {
  const endUs = cursor.accept("...") ? parseMicroseconds(cursor) : null;
  return parseCall(cursor, endUs);
}

function parseCodeEvent(cursor: TokenCursor): Code {
  const token = cursor.next();
  const statements = parseCode(token.text, {
    file: cursor.file,
    line: token.line,
    column: token.column + "%{".length,
  });
  return { kind: "code", line: token.line, text: token.text.trim(), statements };
}
