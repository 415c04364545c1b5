/**
 * The cells of the loss matrix: which paths are tried with which congestion control. A cell's name says all of it, and seeds
 * it: the same name gives the same figure anywhere.
 */
import { MS } from "../../../src/base/time.ts";

/** One path and one congestion control. */
export interface Cell {
  readonly name: string;
  readonly congestion: string;
  /** Bits a second. */
  readonly rate: number;
  readonly rttMs: number;
  /** Percent of packets lost by chance, and of packets late by a quarter of the round trip. */
  readonly loss: number;
  readonly reorder: number;
  /** Drop-tail buffer in bandwidth-delay products. */
  readonly buffer: number;
  /** Connections that share the path. */
  readonly flows: number;
}

export const CONTROLS: readonly string[] = ["newreno", "cubic", "bbr"];
export const LOSSES: readonly number[] = [0, 0.1, 1, 3, 10];
export const RTTS: readonly number[] = [1, 20, 100, 300];
export const REORDERS: readonly number[] = [0, 3];
export const BUFFERS: readonly number[] = [0.5, 1, 4];
export const FLOWS: readonly number[] = [2, 8, 32];

/** Every cell, in the order of the tables. */
export function allCells(): Cell[] {
  const cells: Cell[] = [];
  for (const congestion of CONTROLS) {
    for (const rate of [1e7, 1e8]) {
      for (const reorder of REORDERS)
        for (const rttMs of RTTS)
          for (const buffer of BUFFERS)
            for (const loss of LOSSES) cells.push(cell(congestion, rate, rttMs, loss, reorder, buffer, 1));
    }
    if (congestion === "cubic")
      for (const rttMs of RTTS)
        for (const buffer of BUFFERS) cells.push(cell(congestion, 1e9, rttMs, 0, 0, buffer, 1));
    for (const rttMs of [20, 100])
      for (const flows of FLOWS) cells.push(cell(congestion, 1e8, rttMs, 0, 0, 1, flows));
  }
  return cells;
}

/** One cell, named. */
export function cell(
  congestion: string,
  rate: number,
  rttMs: number,
  loss: number,
  reorder: number,
  buffer: number,
  flows: number,
): Cell {
  const many = flows > 1 ? ` x${flows}` : "";
  const name = `${congestion} 1e${Math.log10(rate)} rtt${rttMs} loss${loss} late${reorder} buf${buffer}${many}`;
  return { name, congestion, rate, rttMs, loss, reorder, buffer, flows };
}

/** The bandwidth-delay product in bytes. */
export function bdp(cell: Cell): number {
  return (cell.rate * cell.rttMs * MS) / 8e6;
}
