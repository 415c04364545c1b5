/** When an event of a script happens, and how far from that it may. */
import type { Micros } from "../../base/time.ts";
import type { EventTime } from "./ast.ts";

/** From when to when an event is due. */
export interface Due {
  readonly from: Micros;
  readonly to: Micros;
  /** Any time is right. */
  readonly isAny: boolean;
}

/** Times are relative to `base`, the end of the event before, or to the script's beginning. */
export function dueAt(time: EventTime, begin: Micros, base: Micros): Due {
  switch (time.kind) {
    case "absolute":
      return { from: begin + time.us, to: begin + time.us, isAny: false };
    case "relative":
      return { from: base + time.us, to: base + time.us, isAny: false };
    case "any":
      return { from: base, to: Number.POSITIVE_INFINITY, isAny: true };
    case "absolute-range":
      return { from: begin + time.us, to: begin + time.endUs, isAny: false };
    case "relative-range":
      return { from: base + time.us, to: base + time.endUs, isAny: false };
  }
}

/** What an event may be early or late: the script's tolerance, or a share of the time since the event before. */
export interface Tolerance {
  readonly us: Micros;
  /** 0.125 for 12.5 %. */
  readonly share: number;
}

/** packetdrill's: 4 ms, or an eighth of the time since the event before. */
export const DEFAULT_TOLERANCE: Tolerance = { us: 4_000, share: 0.125 };

/** The tolerance of an event that is due `since` microseconds after the one before. */
export function toleranceOf(tolerance: Tolerance, since: Micros): Micros {
  return Math.max(tolerance.us, tolerance.share * Math.max(0, since));
}
