/**
 * What `ss` and `netstat` call things: the names of states, timers and ports as iproute2 and net-tools print
 * them, from the stack's own rows. Pure.
 */
import type { StateName } from "../tcp/state.ts";

/** States as `ss` prints them. */
export const SS_STATE: Record<StateName, string> = {
  CLOSED: "UNCONN",
  LISTEN: "LISTEN",
  "SYN-SENT": "SYN-SENT",
  "SYN-RECEIVED": "SYN-RECV",
  ESTABLISHED: "ESTAB",
  "FIN-WAIT-1": "FIN-WAIT-1",
  "FIN-WAIT-2": "FIN-WAIT-2",
  "CLOSE-WAIT": "CLOSE-WAIT",
  CLOSING: "CLOSING",
  "LAST-ACK": "LAST-ACK",
  "TIME-WAIT": "TIME-WAIT",
};

/** States as `netstat` prints them. */
export const NETSTAT_STATE: Record<StateName, string> = {
  CLOSED: "CLOSE",
  LISTEN: "LISTEN",
  "SYN-SENT": "SYN_SENT",
  "SYN-RECEIVED": "SYN_RECV",
  ESTABLISHED: "ESTABLISHED",
  "FIN-WAIT-1": "FIN_WAIT1",
  "FIN-WAIT-2": "FIN_WAIT2",
  "CLOSE-WAIT": "CLOSE_WAIT",
  CLOSING: "CLOSING",
  "LAST-ACK": "LAST_ACK",
  "TIME-WAIT": "TIME_WAIT",
};

/** Names of ports, from `/etc/services` as text: the first name of each TCP port. */
export function parseServices(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const found = /^([\w.+-]+)\s+(\d+)\/tcp\b/.exec(line);
    if (found === null) continue;
    const port = Number(found[2]);
    if (!names.has(port)) names.set(port, found[1]!);
  }
  return names;
}

/** A port as a column shows it: "*" for none, its name where there is one. */
export function portText(port: number, names: ReadonlyMap<number, string> | null): string {
  return port === 0 ? "*" : (names?.get(port) ?? String(port));
}

/** A number as C's %g: six significant digits, no trailing zeros. */
export function general(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Milliseconds as `ss -o` prints a timer: `1min30sec`, `59sec`, `1.200ms`, `200ms`. */
export function timerText(ms: number): string {
  const whole = Math.max(0, Math.floor(ms));
  const minutes = Math.floor(whole / 60_000);
  let seconds = Math.floor(whole / 1000) % 60;
  let rest = whole % 1000;
  let text = "";
  if (minutes > 0) {
    rest = 0;
    if (minutes > 9) seconds = 0;
    text += `${minutes}min`;
  }
  if (seconds > 0) {
    if (seconds > 9) rest = 0;
    text += `${seconds}${rest > 0 ? "." : "sec"}`;
  }
  if (rest > 0) text += `${String(rest).padStart(3, "0")}ms`;
  return text;
}
