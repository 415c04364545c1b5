/**
 * Charts of rows, as Vega-Lite specifications: throughput as times a reference target's, latency as p50 and p99, a small
 * chart for each workload. Pure: plot.ts reads the rows and draws.
 */
import type { TopLevelSpec } from "vega-lite";
import { significant } from "./report.ts";
import { PRIMARY, type Row } from "./row.ts";

/** A chart, and what its file is to be called. */
export interface Chart {
  readonly name: string;
  readonly spec: TopLevelSpec;
}

/** Against whom throughput is shown: the first of these that was measured. */
const REFERENCES = ["node-net", "kernel-c"];

/** What a target is: its bar's colour. */
const KINDS = ["usertcp", "kernel's TCP", "other user-space stack", "limit of a TUN device"];
const COLOURS = ["#1f6fb2", "#8a8f98", "#d98a29", "#3b3f45"];

const INK = "#24292f";
const WIDTH = 250;
const STEP = 19;
const COLUMNS = 3;

/** All charts of some rows: one of throughput and, where latency was measured, one of it, for each suite and link. */
export function chartsOf(rows: readonly Row[]): Chart[] {
  const links = groupBy(rows, ({ suite, mtu, family }) => `${suite}-mtu${mtu}-ipv${family}`);
  return [...links].flatMap(([link, all]) => {
    const rows = unique(all);
    const latency = latencyPoints(rows);
    const throughput: Chart = { name: `${link}-throughput`, spec: throughputSpec(rows) };
    if (latency.length === 0) return [throughput];
    return [throughput, { name: `${link}-latency`, spec: latencySpec(latency, titleOf(rows)) }];
  });
}

/** One bar. */
export interface Bar {
  readonly workload: string;
  readonly target: string;
  readonly kind: string;
  /** Times the reference's, or the best target's. */
  readonly times: number;
  readonly label: string;
}

/** The bars of throughput; `reference` is 1. Workloads without the reference are shown against their best target. */
export function throughputBars(rows: readonly Row[], reference: string): Bar[] {
  const primary = rows.filter((row) => row.metric === PRIMARY);
  return [...groupBy(primary, (row) => row.workload)].flatMap(([workload, all]) => {
    const best = Math.max(...all.map((row) => row.value));
    const base = all.find((row) => row.target === reference)?.value;
    return all.map(({ target, value, unit }) => ({
      workload: `${workload}, ${unit}${base === undefined ? " (the best is 1)" : ""}`,
      target,
      kind: kindOf(target),
      times: value / (base ?? best),
      label: base === undefined ? withCommas(value) : `${withCommas(value)} (${(value / base).toFixed(2)}x)`,
    }));
  });
}

/** One target's latency under a workload. */
export interface LatencyPoint {
  readonly workload: string;
  readonly target: string;
  readonly kind: string;
  readonly p50: number;
  readonly p99: number;
}

/** p50 and p99 of those targets that have both. */
export function latencyPoints(rows: readonly Row[]): LatencyPoint[] {
  const p99 = new Map(rows.filter((row) => row.metric === "p99").map((row) => [key(row), row.value]));
  return rows.flatMap((row) => {
    const high = p99.get(key(row));
    if (row.metric !== "p50" || high === undefined) return [];
    const { workload, target, value } = row;
    return [{ workload, target, kind: kindOf(target), p50: value, p99: high }];
  });
}

/** The target that throughput is shown against. */
export function referenceOf(rows: readonly Row[]): string {
  const targets = new Set(rows.map((row) => row.target));
  return REFERENCES.find((name) => targets.has(name)) ?? rows[0]!.target;
}

function throughputSpec(rows: readonly Row[]): TopLevelSpec {
  const reference = referenceOf(rows);
  const bars = throughputBars(rows, reference);
  const y = { field: "target", type: "nominal", sort: null, title: null } as const;
  return {
    ...frame(titleOf(rows), `throughput, times that of ${reference}; longer is better; medians`),
    data: { values: bars },
    facet: facetBy(bars),
    spec: {
      width: WIDTH,
      height: { step: STEP },
      layer: [
        {
          mark: { type: "bar", height: STEP - 5 },
          encoding: {
            y,
            x: { field: "times", type: "quantitative", title: null, scale: { nice: true, zero: true } },
            color: colour(bars),
          },
        },
        {
          mark: { type: "rule", color: INK, opacity: 0.45, strokeDash: [3, 3] },
          encoding: { x: { datum: 1 } },
        },
        {
          mark: { type: "text", align: "left", dx: 4, color: INK, fontSize: 10 },
          encoding: { y, x: { field: "times", type: "quantitative" }, text: { field: "label" } },
        },
      ],
    },
    resolve: { scale: { y: "independent", x: "independent" } },
  };
}

function latencySpec(points: readonly LatencyPoint[], title: string): TopLevelSpec {
  const y = { field: "target", type: "nominal", sort: null, title: null } as const;
  const x = { type: "quantitative", title: null, scale: { type: "log", nice: true } } as const;
  const axis = { grid: true, tickCount: 4, format: "~s" };
  return {
    ...frame(
      title,
      "latency in microseconds (log scale), from p50 (bar) to p99 (dot); further left is better; medians",
    ),
    data: { values: [...points] },
    facet: facetBy(points),
    spec: {
      width: WIDTH,
      height: { step: STEP },
      encoding: { y, color: colour(points) },
      layer: [
        {
          mark: { type: "rule", strokeWidth: 2 },
          encoding: { x: { field: "p50", ...x, axis }, x2: { field: "p99" } },
        },
        {
          mark: { type: "tick", thickness: 4, size: STEP - 7, opacity: 1 },
          encoding: { x: { field: "p50", ...x, axis } },
        },
        {
          mark: { type: "point", filled: true, size: 55, opacity: 1 },
          encoding: { x: { field: "p99", ...x, axis } },
        },
      ],
    },
    resolve: { scale: { y: "independent", x: "independent" } },
  };
}

function frame(
  text: string,
  subtitle: string,
): Pick<TopLevelSpec, "$schema" | "background" | "padding" | "config"> & {
  title: { text: string; subtitle: string };
  columns: number;
  spacing: { row: number; column: number };
} {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text, subtitle },
    columns: COLUMNS,
    spacing: { row: 28, column: 16 },
    config: {
      font: "sans-serif",
      title: {
        anchor: "start",
        fontSize: 16,
        subtitleFontSize: 12,
        subtitlePadding: 6,
        offset: 18,
        color: INK,
      },
      header: { labelFontSize: 13, labelFontWeight: "bold", labelColor: INK, labelAnchor: "start" },
      axis: { labelFontSize: 11, labelColor: INK, labelLimit: 120, domain: false, tickSize: 3 },
      view: { stroke: null },
      legend: { orient: "bottom", labelFontSize: 12, labelLimit: 300, symbolType: "square", offset: 20 },
    },
  };
}

function facetBy(marks: readonly { workload: string }[]): {
  field: string;
  type: "nominal";
  title: null;
  sort: string[];
} {
  const workloads = [...new Set(marks.map((mark) => mark.workload))];
  return { field: "workload", type: "nominal", title: null, sort: workloads };
}

function colour(marks: readonly { kind: string }[]): {
  field: string;
  type: "nominal";
  title: null;
  scale: { domain: string[]; range: string[] };
} {
  const here = KINDS.filter((kind) => marks.some((mark) => mark.kind === kind));
  const range = here.map((kind) => COLOURS[KINDS.indexOf(kind)]!);
  return { field: "kind", type: "nominal", title: null, scale: { domain: here, range } };
}

function kindOf(target: string): string {
  if (target.startsWith("usertcp")) return KINDS[0]!;
  if (target.startsWith("node-net") || target === "kernel-c") return KINDS[1]!;
  return target === "limit" ? KINDS[3]! : KINDS[2]!;
}

function titleOf(rows: readonly Row[]): string {
  const { suite, mtu, family, spinUs } = rows[0]!;
  const link = mtu === 0 ? "" : `, MTU ${mtu}, IPv${family}`;
  return `usertcp: ${suite}${link}${spinUs > 0 ? `, spin ${spinUs} us` : ""}`;
}

/** Of rows that measure the same thing, the last one. */
function unique(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [`${key(row)} ${row.metric}`, row])).values()];
}

function key({ workload, target }: Row): string {
  return `${workload} ${target}`;
}

function withCommas(value: number): string {
  return value < 1000 ? significant(value) : Math.round(value).toLocaleString("en-US");
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}
