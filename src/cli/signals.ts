/**
 * The signals by which an operator or a supervisor ends a command.
 */

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A signal that ends a command. */
export type EndingSignal = (typeof ENDING)[number];

/** Resolves with the first ending signal; from now on none of them kills the process. */
export function untilSignal(): Promise<EndingSignal> {
  return new Promise((resolve) => {
    for (const signal of ENDING) process.on(signal, resolve);
  });
}
