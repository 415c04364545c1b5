/**
 * The client of the http workloads: wrk, in a target's namespace, and what it prints as the report that our own client
 * gives of TCP. How the figures are summarized is kernel.ts's business.
 */
import { Failure } from "./failure.ts";
import type { LoadReport } from "./load.ts";
import { runIn, spawnIn } from "./namespace.ts";
import type { RunningTarget } from "./target.ts";

/** What wrk is to ask for, and how. */
export interface HttpErrand {
  readonly connections: number;
  /** False: each request says `Connection: close`, and the next one is on a new connection. */
  readonly keepAlive: boolean;
  /** Of the body. */
  readonly bytes: number;
}

/** wrk knows nothing of congestion control and MSS. */
export type HttpReport = Omit<LoadReport, "congestion" | "mss">;

/** A whole run of wrk after a run that does not count; wrk takes whole seconds only, so both are rounded up. */
export async function wrk(
  target: RunningTarget,
  errand: HttpErrand,
  seconds: number,
  warmUp: number,
): Promise<HttpReport> {
  const before = retransmissions(target);
  // What is wrong with a warm-up, such as that it was too short for any answer, the run that counts will say.
  const warm = warmUp > 0 ? await run(target, errand, Math.ceil(warmUp)).catch(() => null) : null;
  const counted = await run(target, errand, Math.ceil(seconds));
  // The target's CPU time is taken over both runs: so is what it is divided by.
  return {
    ...counted,
    total: counted.total + (warm?.total ?? 0),
    cpuSeconds: counted.cpuSeconds + (warm?.cpuSeconds ?? 0),
    retransmits: retransmissions(target) - before,
  };
}

/** The arguments of wrk: one thread, as our own client has; an answer later than `--timeout` is left out of its latencies. */
export function wrkArguments(
  host: string,
  { connections, keepAlive, bytes }: HttpErrand,
  seconds: number,
): string[] {
  const close = keepAlive ? [] : ["-H", "Connection: close"];
  const address = host.includes(":") ? `[${host}]` : host;
  return [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--latency",
    "--timeout",
    "15s",
    ...close,
    `http://${address}/${bytes}`,
  ];
}

async function run(target: RunningTarget, errand: HttpErrand, seconds: number): Promise<HttpReport> {
  // `times` is the only one to say what CPU time a child of ours took that has gone.
  const script = 'wrk "$@"; code=$?; times; exit $code';
  const command = ["sh", "-c", script, "wrk", ...wrkArguments(target.host, errand, seconds)];
  const child = spawnIn(target.clientNamespace, command, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const limit = setTimeout(() => child.kill("SIGKILL"), (seconds + 15) * 1000);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit, signal) => resolve(signal ?? exit));
  });
  clearTimeout(limit);
  if (code === 127) throw new Failure("wrk is not there (install wrk)");
  if (code !== 0) throw new Failure(`wrk ended (${code}): ${output.trim().split("\n")[0]}`);
  return wrkReport(output);
}

/** The figures in what wrk, and `times` after it, print. */
export function wrkReport(output: string): HttpReport {
  const total = Number(/^\s*(\d+) requests in /m.exec(output)?.[1] ?? 0);
  if (total === 0) throw new Failure("wrk had no answer");
  const failed = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  if (refused > 0) throw new Failure(`${refused} of ${total} responses were no success`);
  return {
    value: Number(/^Requests\/sec:\s*([\d.]+)/m.exec(output)![1]),
    total,
    p50us: latencyUs(output, 50),
    p99us: latencyUs(output, 99),
    errors: (failed ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0),
    retransmits: 0,
    cpuSeconds: childSeconds(output),
  };
}

function latencyUs(output: string, percent: number): number {
  const found = new RegExp(`^\\s*${percent}%\\s+([\\d.]+)(us|ms|s|m) *$`, "m").exec(output);
  if (found === null) throw new Failure(`wrk says no latency at ${percent} %`);
  return Number(found[1]) * { us: 1, ms: 1e3, s: 1e6, m: 6e7 }[found[2] as "us" | "ms" | "s" | "m"];
}

// POSIX `times`: the shell's own user and system time, then those of its children.
function childSeconds(output: string): number {
  const [line] = output.trim().split("\n").slice(-1);
  return [...line!.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + 60 * Number(m) + Number(s),
    0,
  );
}

function retransmissions({ clientNamespace }: RunningTarget): number {
  return retransmissionsOf(runIn(clientNamespace, "cat", "/proc/net/snmp"));
}

/** `RetransSegs` in the text of /proc/net/snmp. */
export function retransmissionsOf(snmp: string): number {
  const [names, values] = snmp
    .split("\n")
    .filter((line) => line.startsWith("Tcp:"))
    .map((line) => line.split(" "));
  return Number(values![names!.indexOf("RetransSegs")]);
}
