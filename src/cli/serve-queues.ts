/** One queue or several: a stack in this thread, or its shards in workers. The rest of the command line need not know which. */
import type { RunningShards } from "../driver/create-shards.ts";
import type { RunningStack } from "../driver/create-stack.ts";
import { bringUp, bringUpShards } from "./bring-up.ts";
import { oneLine } from "./cli-error.ts";
import type { ServeOptions } from "./serve-options.ts";
import { serveShards } from "./serve-shards.ts";
import { type ServeContext, type Served, serveStack } from "./serve-stack.ts";

/** What was brought up. */
export type RunningQueues = RunningStack | RunningShards;

/** Brings up a stack, or with more than one queue its shards. */
export async function bringUpQueues(options: ServeOptions): Promise<RunningQueues> {
  return options.queues > 1 ? bringUpShards(options) : bringUp(options);
}

/** Serves on it; if anything fails, it is closed as well. */
export function serveQueues(
  running: RunningQueues,
  options: ServeOptions,
  context: ServeContext,
): Promise<Served> {
  return "workers" in running
    ? serveShards(running, options, context)
    : serveStack(running, options, context);
}

/** Why it is no more, given what `closed` resolved with. */
export function whyGone(running: RunningQueues, error: Error | null): string {
  const why = error === null ? "closed" : oneLine(error);
  // A shard's end says so itself.
  return "workers" in running && why.startsWith("shard ") ? why : `the device is gone: ${why}`;
}
