/** The loss matrix as text, for docs/loss-matrix.txt: a table a congestion control, rate and reordering. */
import { BUFFERS, CONTROLS, cell, FLOWS, LOSSES, REORDERS, RTTS } from "./cells.ts";
import type { CellResult } from "./run-cell.ts";

const HEAD = `Loss matrix of the simulator, made by \`npm run sim:matrix\`.
One bulk connection a cell over one bottleneck, packets of 1500 bytes, 180 s of virtual time; goodput of the last 120 s as a
share of the text that the path can carry (1448 of 1500 bytes). Losses are by chance, before the bottleneck, of data only.
"late": percent of packets that come a quarter of the round trip late. The buffer is drop-tail, in bandwidth-delay products,
four packets at least. Socket buffers hold more than 4 BDP. "-": not run yet.
`;

/** All tables, from the figures that are known. */
export function report(known: ReadonlyMap<string, CellResult>): string {
  const parts = [HEAD];
  for (const congestion of CONTROLS) {
    for (const rate of [1e7, 1e8])
      for (const late of REORDERS) parts.push(goodputs(known, congestion, rate, late, LOSSES));
    if (congestion === "cubic") parts.push(goodputs(known, congestion, 1e9, 0, [0]));
  }
  parts.push(fairness(known));
  return parts.join("\n");
}

function goodputs(
  known: ReadonlyMap<string, CellResult>,
  congestion: string,
  rate: number,
  late: number,
  losses: readonly number[],
): string {
  const lines = [`${congestion}, 10^${Math.log10(rate)} bit/s, ${late} % late`];
  lines.push(`  RTT    buffer ${losses.map((loss) => `loss ${loss} %`.padStart(12)).join("")}`);
  for (const rtt of RTTS) {
    for (const buffer of BUFFERS) {
      const cells = losses.map((loss) => {
        const result = known.get(cell(congestion, rate, rtt, loss, late, buffer, 1).name);
        return (result?.goodput.toFixed(3) ?? "-").padStart(12);
      });
      lines.push(`  ${`${rtt} ms`.padEnd(7)}${`${buffer} BDP`.padEnd(8)}${cells.join("")}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function fairness(known: ReadonlyMap<string, CellResult>): string {
  const lines = [
    "Jain's fairness index (and goodput together) of connections over one bottleneck, 10^8 bit/s, 1 BDP",
  ];
  lines.push(`  control    RTT     ${FLOWS.map((flows) => `${flows} flows`.padStart(16)).join("")}`);
  for (const congestion of CONTROLS) {
    for (const rtt of [20, 100]) {
      const cells = FLOWS.map((flows) => {
        const result = known.get(cell(congestion, 1e8, rtt, 0, 0, 1, flows).name);
        const text =
          result === undefined ? "-" : `${result.fairness.toFixed(3)} (${result.goodput.toFixed(3)})`;
        return text.padStart(16);
      });
      lines.push(`  ${congestion.padEnd(11)}${`${rtt} ms`.padEnd(8)}${cells.join("")}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
