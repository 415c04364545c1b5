/**
 * Time in the core: microseconds as float64, for clocks and deadlines alike (an int32 of microseconds
 * wraps at 35 minutes; keepalive alone is 2 hours). The origin is the host's choice; only differences count.
 */
export type Micros = number;

/** One millisecond in microseconds. */
export const MS: Micros = 1_000;
/** One second in microseconds. */
export const SECOND: Micros = 1_000_000;
/** The deadline that never comes: how an idle timer reads. A double, so that V8 keeps the field unboxed. */
export const NEVER: Micros = Number.POSITIVE_INFINITY;
