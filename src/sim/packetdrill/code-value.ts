/** The values of the code in `%{ ... }%`: Python's numbers (as doubles), strings, truth values, None and tuples. */
export type CodeValue = number | string | boolean | null | readonly CodeValue[];

export function isTrue(value: CodeValue): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** True is 1, as in Python; null where it is no number. */
export function numberOf(value: CodeValue): number | null {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}

export function equals(left: CodeValue, right: CodeValue): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equals(item, right[index]!));
  }
  const a = numberOf(left);
  const b = numberOf(right);
  return a !== null && b !== null ? a === b : left === right;
}

/** Negative, zero or positive; null where the two have no order. */
export function orderOf(left: CodeValue, right: CodeValue): number | null {
  const a = numberOf(left);
  const b = numberOf(right);
  if (a !== null && b !== null) return a - b;
  if (typeof left === "string" && typeof right === "string") return left < right ? -1 : left > right ? 1 : 0;
  if (!Array.isArray(left) || !Array.isArray(right)) return null;
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (!equals(left[i]!, right[i]!)) return orderOf(left[i]!, right[i]!);
  }
  return left.length - right.length;
}

/** As Python's print shows it. */
export function show(value: CodeValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return Array.isArray(value) ? `(${value.map(show).join(", ")})` : String(value);
}
