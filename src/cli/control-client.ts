/**
 * The clients' side of the control socket: find the one live stack of this network namespace, ask it, open a
 * stream through it. Knows the protocol, and no command.
 */
import { lstatSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { CliError, codeOf, failure, misuse } from "./cli-error.ts";
import { listControlSockets, netnsInode } from "./control-path.ts";
import {
  type ConnectResult,
  formatRequest,
  LineReader,
  type OutcomeResult,
  type ProtocolError,
  parseReply,
  REPLY_LINE_MAX,
} from "./control-protocol.ts";

/** How a command names the stack that it means. */
export interface StackChoice {
  tun?: string | undefined;
  control?: string | undefined;
}

/** A live control socket. */
export interface LiveSocket {
  path: string;
  tun: string;
  netns: number;
}

/** A stream through the stack: what the peer sends is read, end() is FIN. */
export interface ControlStream {
  socket: Socket;
  result: ConnectResult;
}

/** A local stack that takes longer to answer a line is hung or stopped. */
const REPLY_TIMEOUT_MS = 10_000;

/** Whether a stack listens at `path`, or died and left its socket, or nothing can be said of it. */
export async function probe(path: string): Promise<"live" | "dead" | "unknown"> {
  try {
    (await open(path)).destroy();
    return "live";
  } catch (error) {
    // A file that is no socket refuses as well, and is not ours to remove.
    return codeOf(error) === "ECONNREFUSED" && lstatSync(path).isSocket() ? "dead" : "unknown";
  }
}

/** Every live stack in `netns` (null: anywhere that this user can see). Sockets whose stack died are removed. */
export async function liveSockets(netns: number | null = netnsInode()): Promise<LiveSocket[]> {
  const live: LiveSocket[] = [];
  for (const found of listControlSockets(netns)) {
    const state = await probe(found.path);
    if (state === "live") live.push(found);
    else if (state === "dead") rmSync(found.path, { force: true });
  }
  return live;
}

/** The control socket that `choice` means, or the only one. */
export async function chooseSocket(choice: StackChoice): Promise<string> {
  if (choice.control !== undefined) return choice.control;
  return pick(await liveSockets(), choice.tun).path;
}

/** One of `live`, or the line that says why none. */
export function pick<T extends { tun: string }>(live: readonly T[], tun: string | undefined): T {
  const matching = tun === undefined ? live : live.filter((socket) => socket.tun === tun);
  const [only, another] = matching;
  if (only === undefined) {
    const which = tun === undefined ? "no stack runs" : `no stack runs on ${tun}`;
    throw failure(`${which} in this network namespace: start one with 'usertcp serve' or 'usertcp lab'`);
  }
  if (another !== undefined) {
    const names = matching.map((socket) => socket.tun).join(", ");
    throw misuse(
      `${matching.length} stacks run here (${names}): choose one with --tun NAME or --control PATH`,
    );
  }
  return only;
}

/** Asks one question. */
export async function ask<T>(path: string, method: string, params: Record<string, unknown> = {}): Promise<T> {
  const socket = await openOrExplain(path);
  try {
    socket.setTimeout(REPLY_TIMEOUT_MS, () => socket.destroy(failure(`${path}: the stack does not answer`)));
    return (await exchange(socket, path, method, params)) as T;
  } finally {
    socket.destroy();
  }
}

/** Opens a connection through the stack. Refusals carry the stack's own words (`connect ECONNREFUSED ...`). */
export async function openStream(path: string, host: string, port: number): Promise<ControlStream> {
  const socket = await openOrExplain(path);
  try {
    const result = (await exchange(socket, path, "connect", { host, port })) as ConnectResult;
    return { socket, result };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** How a stream stands or ended; null when the stack is gone and can't say. */
export async function streamOutcome(path: string, stream: number): Promise<OutcomeResult | null> {
  try {
    return await ask<OutcomeResult>(path, "outcome", { stream });
  } catch {
    return null;
  }
}

async function openOrExplain(path: string): Promise<Socket> {
  try {
    return await open(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EACCES") throw failure(`${path}: permission denied: the stack belongs to another user`);
    const why =
      code === "ENOENT" || code === "ECONNREFUSED" ? "no stack listens there" : (code ?? "unusable");
    throw failure(`${path}: ${why}: start one with 'usertcp serve' or 'usertcp lab'`);
  }
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      resolve(socket);
    });
  });
}

// Sends one request and waits for its line; what follows the line stays in the socket.
function exchange(
  socket: Socket,
  path: string,
  method: string,
  params: Record<string, unknown>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const lines = new LineReader(REPLY_LINE_MAX);
    const settle = (outcome: () => void): void => {
      socket.removeListener("data", onData);
      socket.removeListener("end", onEnd);
      socket.removeListener("error", onError);
      outcome();
    };
    const onData = (chunk: Buffer): void => {
      lines.push(chunk);
      const line = lines.next();
      if (line === null && !lines.overlong) return;
      const reply = line === null ? null : parseReply(line);
      socket.pause();
      if (lines.length > 0) socket.unshift(lines.take());
      if (reply === null)
        settle(() => reject(failure(`${path}: the answer is not usertcp's control protocol`)));
      else if (reply.error !== undefined) settle(() => reject(new StackRefusal(reply.error!)));
      else settle(() => resolve(reply.result));
    };
    const onEnd = (): void => settle(() => reject(failure(`${path}: the stack went away without an answer`)));
    const onError = (error: Error): void => settle(() => reject(error));
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("error", onError);
    socket.write(formatRequest({ id: 1, method, params }));
  });
}

/** The stack said no; `code` is the network's (`ECONNREFUSED`) or the protocol's. */
class StackRefusal extends CliError {
  readonly code: string;

  constructor(error: ProtocolError) {
    super(error.message, error.code === "EINVAL" ? 2 : 1);
    this.code = error.code;
  }
}
