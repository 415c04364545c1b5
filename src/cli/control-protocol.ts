/**
 * The control protocol, version 1: one JSON object a line, `{v, id, method, params}` answered by
 * `{v, id, result}` or `{v, id, error: {code, message}}`. Framing and shapes only: pure, no sockets.
 * The reply to `connect` is the last line of its connection: raw bytes follow both ways.
 */

/** What both ends speak. */
export const PROTOCOL_VERSION = 1 as const;
/** A longer line is refused, so that nobody makes the stack's process hold it. */
export const REQUEST_LINE_MAX = 65_536 as const;
/** Replies carry whole snapshots: 100,000 sockets with their info are some 150 MB. */
export const REPLY_LINE_MAX: number = 512 * 1024 * 1024;

/** What a client asks. */
export interface Request {
  id: number | string;
  method: string;
  params: Readonly<Record<string, unknown>>;
}

/** Why it was refused. Network outcomes keep their code (`ECONNREFUSED`). */
export interface ProtocolError {
  code: string;
  message: string;
}

/** What the server answers. */
export interface Reply {
  id: number | string | null;
  result?: unknown;
  error?: ProtocolError;
}

/** `version`: who answers. */
export interface VersionResult {
  name: "usertcp";
  version: string;
  protocol: number;
  pid: number;
  tun: string;
  stack: string;
  netns: number;
  /** Brought up by `usertcp lab`. */
  lab: boolean;
}

/** `connect`: the stream that follows the line. `outcome` asks for its end by `stream`. */
export interface ConnectResult {
  stream: number;
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  remotePort: number;
}

/** `outcome`: how a stream stands. */
export interface OutcomeResult {
  open: boolean;
  error: ProtocolError | null;
}

/** A request as a line. */
export function formatRequest(request: Request): string {
  return `${JSON.stringify({ v: PROTOCOL_VERSION, ...request })}\n`;
}

/** A reply as a line. */
export function formatReply(reply: Reply): string {
  return `${JSON.stringify({ v: PROTOCOL_VERSION, ...reply })}\n`;
}

/** A line as a request, or the reply that refuses it. */
export function parseRequest(line: string): Request | Reply {
  const object = parseObject(line);
  if (object === null) return refusal(null, "EPROTO", "a request is one JSON object on a line");
  const id = object["id"];
  const known = typeof id === "number" || typeof id === "string" ? id : null;
  if (object["v"] !== PROTOCOL_VERSION) {
    const asked = JSON.stringify(object["v"]) ?? "nothing";
    return refusal(
      known,
      "EVERSION",
      `this is protocol version ${PROTOCOL_VERSION}, the request says ${asked}`,
    );
  }
  if (known === null) return refusal(null, "EPROTO", "'id' takes a number or a string");
  const { method, params = {} } = object;
  if (typeof method !== "string") return refusal(known, "EPROTO", "'method' takes a string");
  if (!isObject(params)) return refusal(known, "EPROTO", "'params' takes an object");
  return { id: known, method, params };
}

/** Whether `parseRequest` gave a request. */
export function isRequest(parsed: Request | Reply): parsed is Request {
  return "method" in parsed;
}

/** A line as a reply, or null when it is none. */
export function parseReply(line: string): Reply | null {
  const object = parseObject(line);
  if (object === null || object["v"] !== PROTOCOL_VERSION) return null;
  const { id, result, error } = object;
  if (id !== null && typeof id !== "number" && typeof id !== "string") return null;
  if (error === undefined) return { id, result };
  if (!isObject(error) || typeof error["code"] !== "string" || typeof error["message"] !== "string")
    return null;
  return { id, error: { code: error["code"], message: error["message"] } };
}

/** A reply that says why not. */
export function refusal(id: number | string | null, code: string, message: string): Reply {
  return { id, error: { code, message } };
}

/** Cuts lines out of chunks of bytes. */
export class LineReader {
  private chunks: Buffer[] = [];
  /** Bytes held. */
  length = 0;
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** Adds bytes. */
  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  /** The next whole line without its end, null when there is none yet. */
  next(): string | null {
    const last = this.chunks[this.chunks.length - 1];
    // Only the newest chunk can hold a line end: the earlier ones were looked through when they came.
    if (last === undefined || last.indexOf(10) < 0) return null;
    const all = this.take();
    const end = all.indexOf(10);
    if (end + 1 < all.length) this.push(all.subarray(end + 1));
    return all.toString("utf8", 0, end).replace(/\r$/, "");
  }

  /** Whether the line begun is longer than the limit. */
  get overlong(): boolean {
    return this.length > this.max;
  }

  /** What came after the last line; the reader is empty then. */
  take(): Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks, this.length);
    this.chunks = [];
    this.length = 0;
    return all;
  }
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
