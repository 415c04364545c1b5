/** What the kernel says of its own sockets in a namespace, by way of `ss`. */
import { runIn } from "./namespace.ts";

/** Of one established socket. */
export interface SocketFacts {
  readonly congestion: string;
  readonly mss: number;
}

/** Instead of the congestion control's name, where no socket says one. */
export const UNKNOWN = "an unknown control";

/** Those of the first socket whose port at one end (`sport`: its own) is `port`. */
export function socketFacts(namespace: string, end: "sport" | "dport", port: number): SocketFacts {
  return socketFactsOf(runIn(namespace, "ss", "-tinH", "state", "established", end, "=", `:${port}`));
}

/** The same, of the text that `ss -ti` prints. */
export function socketFactsOf(shown: string): SocketFacts {
  const congestion = / (cubic|reno|bbr|dctcp|vegas|htcp|bic|westwood)\b/.exec(shown)?.[1];
  return {
    congestion: congestion ?? UNKNOWN,
    mss: Number(/ mss:(\d+)/.exec(shown)?.[1] ?? 0),
  };
}
