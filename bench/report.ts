/** Rows as text for people: one block of aligned columns a suite. `--json` prints the rows themselves. */
import { PRIMARY, type Row } from "./row.ts";

/** The table of some rows of one suite, headed by what they have in common; ends in a newline. */
export function table(inAnyOrder: readonly Row[]): string {
  if (inAnyOrder.length === 0) return "no rows\n";
  const workloads = [...new Set(inAnyOrder.map((row) => row.workload))];
  const rows = workloads.flatMap((workload) => inAnyOrder.filter((row) => row.workload === workload));
  // Beside the targets, what two modes of one are together.
  const named = rows.map((row) => row.target);
  const targets = [...new Set([...named, ...rows.flatMap((row) => Object.keys(row.ratioTo))])];
  const header = [
    "workload",
    "target",
    "",
    "value",
    "unit",
    "noise",
    "CPU",
    ...targets.map((name) => `x ${name}`),
  ];
  const lines = rows.map((row, i) => {
    const sameAsAbove = rows[i - 1]?.workload === row.workload;
    return [
      sameAsAbove ? "" : row.workload,
      row.target,
      row.metric === PRIMARY ? "" : row.metric,
      significant(row.value),
      row.unit,
      `${(row.noise * 100).toFixed(0)} %`,
      row.cpuPerUnit === null ? "" : `${significant(row.cpuPerUnit)} ${row.cpuUnit}`,
      ...targets.map((name) => (name === row.target ? "-" : times(row.ratioTo[name]))),
    ];
  });
  return `${heading(rows)}\n${align([header, ...lines])}${remarks(rows)}`;
}

/** Columns padded to their widest cell: numbers to the right, words to the left. */
export function align(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const isNumeric = lines[0]!.map((_, column) =>
    lines.slice(1).every((line) => line[column] === "" || /^[-\d]/.test(line[column]!)),
  );
  return lines
    .map((line) => {
      const cells = line.map((cell, i) =>
        isNumeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
      );
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}

/** Three significant digits, and no exponent however large or small. */
export function significant(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 20));
}

function heading(rows: readonly Row[]): string {
  const { suite, mtu, family, runs } = rows[0]!;
  const link = mtu === 0 ? "" : `, MTU ${mtu}, IPv${family}`;
  const spins = [...new Set(rows.map((row) => row.spinUs))].filter((us) => us > 0);
  const spin = spins.length === 0 ? "" : `, spin ${spins.join(" ")} us`;
  const versions = Object.entries(
    Object.assign({}, ...rows.map((row) => row.versions)) as Record<string, string>,
  );
  const named = versions.map(([name, version]) => `${name} ${version}`).join(", ");
  return `${suite}: medians of ${runs}${link}${spin}; ${named}. Columns 'x NAME': how many times better than NAME.`;
}

/** What the notes say, once for all workloads: words as they are, counts added up, the loudest neighbour. */
function remarks(rows: readonly Row[]): string {
  const words = new Map<string, Set<string>>();
  const counts = new Map<string, number>();
  let others = 0;
  for (const { metric, target, notes } of rows) {
    if (metric !== PRIMARY) continue;
    for (const [name, note] of Object.entries(notes)) {
      if (typeof note === "string")
        words.set(name, (words.get(name) ?? new Set()).add(`${note} (${target})`));
      else if (name === "othersPercent") others = Math.max(others, note);
      else if (COUNTS.has(name))
        counts.set(`${name} ${target}`, (counts.get(`${name} ${target}`) ?? 0) + note);
    }
  }
  const said = [...words].map(([name, notes]) => `${name}: ${[...notes].join(", ")}\n`);
  const counted = [...counts].filter(([, n]) => n > 0).map(([name, n]) => `${name}: ${n}\n`);
  const loud =
    others < OTHERS_MATTER
      ? ""
      : `other processes took up to ${others} % of the machine: take this with care\n`;
  return [...said, ...counted, loud].join("");
}

const COUNTS: ReadonlySet<string> = new Set(["retransmits", "errors"]);

/** Percent of the machine from which on others have a say in the figures. */
export const OTHERS_MATTER = 10;

function times(ratio: number | undefined): string {
  return ratio === undefined ? "" : ratio.toFixed(2);
}
