/**
 * One measured figure, as every suite reports it (design section 8), and the arithmetic that turns
 * runs into rows. This file knows nothing of sockets, namespaces or processes: a suite hands it numbers.
 */

/** Which way a figure improves. */
export type Better = "higher" | "lower";

/** The metric by which the targets of a workload are compared; each workload has one. */
export const PRIMARY = "primary";

/** One row for each (suite, workload, target, mtu, family, spinUs, metric). */
export interface Row {
  /** The suite that measured it: `parse`, `lookup`, `kernel`. */
  readonly suite: string;
  readonly workload: string;
  readonly target: string;
  /** The link's MTU in bytes; 0 where there is no link (`parse`, `lookup`). */
  readonly mtu: number;
  readonly family: 4 | 6;
  /** Microseconds of polling after a productive batch; 0 where the target does not poll. */
  readonly spinUs: number;
  /** `PRIMARY`, or the name of a further figure such as `p99`. */
  readonly metric: string;
  /** The median of the runs. */
  readonly value: number;
  readonly unit: string;
  readonly better: Better;
  /** CPU time of the target for one unit of work, user and system; null where not measured. */
  readonly cpuPerUnit: number | null;
  /** The unit of `cpuPerUnit`: `s/GB` (10^9 bytes), `us/transaction`; null with it. */
  readonly cpuUnit: string | null;
  /** How many runs the median is of. */
  readonly runs: number;
  /** (max - min) / median over the runs: the machine's noise, and the least difference that means anything. */
  readonly noise: number;
  /** For each other target of the same workload and metric, how many times better this one is (above 1: better). */
  readonly ratioTo: Readonly<Record<string, number>>;
  /** What ran: the target's own version, Node's, the kernel's. */
  readonly versions: Readonly<Record<string, string>>;
  /** What else a reader must know to trust the figure, such as `congestion` or `retransmits`. */
  readonly notes: Readonly<Record<string, string | number>>;
}

/** A row as a suite gives it: the runs still raw, no ratios yet. */
export interface Measurement extends Omit<Row, "value" | "runs" | "noise" | "ratioTo"> {
  /** One value a run, in the order taken; at least one. */
  readonly samples: readonly number[];
}

/** The middle value; the mean of the two middle ones of an even count. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("median of no values");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** (max - min) / median; 0 for a single run or an all-zero series. */
export function noise(values: readonly number[]): number {
  const spread = Math.max(...values) - Math.min(...values);
  return spread === 0 ? 0 : spread / Math.abs(median(values));
}

/** How many times better `mine` is than `other`. */
export function ratio(mine: number, other: number, better: Better): number {
  return better === "higher" ? mine / other : other / mine;
}

/** Rows from measurements: medians, noise, and `ratioTo` between the targets that share all other keys. */
export function rowsOf(measurements: readonly Measurement[]): Row[] {
  const rows = measurements.map(summarize);
  return rows.map((row) => ({ ...row, ratioTo: ratiosOf(row, rows) }));
}

function summarize({ samples, ...rest }: Measurement): Row {
  return { ...rest, value: median(samples), runs: samples.length, noise: noise(samples), ratioTo: {} };
}

/** One peer in two modes counts as the better one, under the name that both begin with. */
const MODES: Readonly<Record<string, string>> = { "gvisor-packet": "gvisor", "gvisor-gso": "gvisor" };

function ratiosOf(row: Row, rows: readonly Row[]): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const other of rows) {
    if (other.target === row.target || !comparable(row, other)) continue;
    const times = ratio(row.value, other.value, row.better);
    // A target that measured 0 has no ratio: JSON knows neither Infinity nor NaN.
    if (!Number.isFinite(times)) continue;
    ratios[other.target] = times;
    const both = MODES[other.target];
    if (both === undefined || both === MODES[row.target]) continue;
    ratios[both] = Math.min(times, ratios[both] ?? times);
  }
  return ratios;
}

// spinUs is a setting of some targets only, so it does not keep two targets apart.
function comparable(a: Row, b: Row): boolean {
  return (
    a.suite === b.suite &&
    a.workload === b.workload &&
    a.metric === b.metric &&
    a.mtu === b.mtu &&
    a.family === b.family
  );
}
