/**
 * What `usertcp lab` shows before it asks anybody to believe it: an echo and an HTTP GET against the stack, by somebody
 * else's TCP. Each proof tells what happens line by line as it happens, and returns whether it held.
 */
import { spawn } from "node:child_process";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { codeOf, oneLine } from "./cli-error.ts";
import { findTool, waitFor } from "./processes.ts";

/** Where lines go, as they happen. */
export type Show = (line: string) => void;

/** Opens a connection with the TCP that does the proving: the kernel's, or another stack's. */
export type OpenSocket = (host: string, port: number) => Duplex;

/** One proof, ready to run. */
export interface Proof {
  name: "echo" | "http";
  run(): Promise<boolean>;
}

const LINE = "hello from the other side";
const TIMEOUT_MS = 10_000;
const BODY_LINES_SHOWN = 4;

/** A line to the echo service and back, by telnet. */
async function proveByTelnet(telnet: string, host: string, port: number, show: Show): Promise<boolean> {
  show(`$ telnet ${host} ${port}`);
  const child = spawn(telnet, [host, String(port)], { stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  let sent = false;
  let echoed = false;
  const onLine = (line: string): void => {
    show(line);
    if (!sent && line.startsWith("Escape character")) {
      sent = true;
      show(LINE);
      child.stdin.write(`${LINE}\n`);
    } else if (sent && line.trim() === LINE) {
      echoed = true;
      child.stdin.end();
    }
  };
  eachLine(child.stdout, onLine);
  eachLine(child.stderr, onLine);
  child.stdin.on("error", () => {});
  await waitFor(child);
  clearTimeout(timer);
  return echoed;
}

/** The same by a socket. */
function proveBySocket(open: OpenSocket, host: string, port: number, show: Show): Promise<boolean> {
  show(`$ connect ${host} ${port}`);
  return new Promise((resolve) => {
    const socket = open(host, port);
    const finish = (held: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(held);
    };
    const timer = setTimeout(() => finish(tell(show, "no answer", false)), TIMEOUT_MS);
    socket.once("connect", () => {
      show(`connected to ${host}`);
      show(`> ${LINE}`);
      socket.write(`${LINE}\r\n`);
    });
    eachLine(socket, (line) => {
      show(`< ${line}`);
      finish(line === LINE);
    });
    socket.once("error", (error) => finish(tell(show, codeOf(error) ?? oneLine(error), false)));
    socket.once("end", () => finish(tell(show, "closed without an echo", false)));
  });
}

/** GET /, by node:http on that TCP. */
function proveHttp(open: OpenSocket, host: string, port: number, show: Show): Promise<boolean> {
  show(`$ GET http://${host}${port === 80 ? "" : `:${port}`}/`);
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve(tell(show, codeOf(error) ?? oneLine(error), false));
    const get = request({
      host,
      port,
      path: "/",
      timeout: TIMEOUT_MS,
      createConnection: () => open(host, port),
    });
    get.once("error", fail);
    get.once("timeout", () => get.destroy(new Error("no answer")));
    get.once("response", (response) => {
      show(`HTTP/${response.httpVersion} ${response.statusCode} ${response.statusMessage}`);
      for (const [name, value] of Object.entries(response.headers)) show(`${name}: ${value}`);
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.once("error", fail);
      response.once("end", () => {
        const lines = body.trimEnd().split("\n");
        for (const line of lines.slice(0, BODY_LINES_SHOWN)) show(line);
        if (lines.length > BODY_LINES_SHOWN) show(`... ${lines.length - BODY_LINES_SHOWN} more lines`);
        resolve(response.statusCode === 200 && body.includes("usertcp"));
      });
    });
    get.end();
  });
}

/** The proofs for the services that are on; telnet proves the echo where it is installed and may. */
export function proofsOf(
  services: { echo?: number; http?: number },
  host: string,
  open: OpenSocket,
  show: Show,
  mayTelnet: boolean,
): Proof[] {
  const proofs: Proof[] = [];
  const { echo, http } = services;
  const telnet = mayTelnet ? findTool("telnet") : null;
  if (echo !== undefined) {
    const run = () =>
      telnet === null ? proveBySocket(open, host, echo, show) : proveByTelnet(telnet, host, echo, show);
    proofs.push({ name: "echo", run });
  }
  if (http !== undefined) proofs.push({ name: "http", run: () => proveHttp(open, host, http, show) });
  return proofs;
}

function tell<T>(show: Show, line: string, outcome: T): T {
  show(line);
  return outcome;
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = "";
  stream.on("data", (chunk: Buffer | string) => {
    const lines = (rest + String(chunk)).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
}
