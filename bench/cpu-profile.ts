/** Reads what `node --cpu-prof` writes (V8's .cpuprofile) as text: which functions the time went to. */

/** The parts of the format that are read; the rest of it is for tools with a screen. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  /** The node seen by each sample, and the microseconds since the sample before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** One function, over all the places it was called from. */
export interface FunctionTime {
  readonly name: string;
  /** `file:line`, or empty for what is not JavaScript. */
  readonly where: string;
  readonly selfUs: number;
  /** With all that it called. */
  readonly totalUs: number;
}

/** Functions by their own time, most first; V8's `(idle)`, `(program)` and `(garbage collector)` among them. */
export function functionTimes(profile: CpuProfile): FunctionTime[] {
  const selfUs = new Map<number, number>();
  for (const [i, id] of profile.samples.entries()) {
    selfUs.set(id, (selfUs.get(id) ?? 0) + profile.timeDeltas[i]!);
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const found = new Map<string, { name: string; where: string; selfUs: number; totalUs: number }>();

  // Recursion counts once in a function's total: under itself it is not added again.
  function walk(id: number, above: ReadonlySet<string>): number {
    const { callFrame, children = [] } = nodes.get(id)!;
    const name = callFrame.functionName || "(anonymous)";
    const where = callFrame.url === "" ? "" : `${shorten(callFrame.url)}:${callFrame.lineNumber + 1}`;
    const key = `${name} ${where}`;
    const own = selfUs.get(id) ?? 0;
    const within = above.has(key) ? above : new Set([...above, key]);
    const total = children.reduce((sum, child) => sum + walk(child, within), own);
    const entry = found.get(key) ?? { name, where, selfUs: 0, totalUs: 0 };
    entry.selfUs += own;
    if (!above.has(key)) entry.totalUs += total;
    found.set(key, entry);
    return total;
  }

  walk(profile.nodes[0]!.id, new Set());
  return [...found.values()].sort((a, b) => b.selfUs - a.selfUs);
}

/** The `top` functions as aligned cells under a header: shares are of the time that was not idle. */
export function hottest(times: readonly FunctionTime[], top: number): string[][] {
  const isIdle = ({ name }: FunctionTime): boolean => name === "(idle)";
  const busyUs = times.filter((time) => !isIdle(time)).reduce((sum, time) => sum + time.selfUs, 0);
  const share = (us: number): string => `${((100 * us) / (busyUs || 1)).toFixed(1)} %`;
  const lines = times
    .filter((time) => !isIdle(time) && time.name !== "(root)" && time.selfUs > 0)
    .slice(0, top)
    .map((time) => [
      share(time.selfUs),
      (time.selfUs / 1000).toFixed(0),
      share(time.totalUs),
      time.name,
      time.where,
    ]);
  return [["self", "ms", "total", "function", "where"], ...lines];
}

/**
 * The share of the profile outside JavaScript's event callbacks, 0 to 1: waiting, but also native code that the
 * event loop calls, such as the addon's reading. V8 calls both idle.
 */
export function idleShare(times: readonly FunctionTime[]): number {
  const allUs = times.reduce((sum, time) => sum + time.selfUs, 0);
  const idleUs = times.find((time) => time.name === "(idle)")?.selfUs ?? 0;
  return allUs === 0 ? 0 : idleUs / allUs;
}

/** From `dist` on for what we built, else the last folders: enough to tell files apart. */
function shorten(url: string): string {
  const ours = url.lastIndexOf("/dist/");
  if (ours >= 0) return url.slice(ours + 1);
  return url.startsWith("node:") ? url : url.split("/").slice(-3).join("/");
}
