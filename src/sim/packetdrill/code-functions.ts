/** The functions that the code in `%{ ... }%` may call: of Python's built-in ones what assertions use. */
import { CodeError } from "./code-arithmetic.ts";
import { type CodeValue, isTrue, numberOf, orderOf, show } from "./code-value.ts";

export function callFunction(name: string, values: readonly CodeValue[]): CodeValue {
  const call = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (call === undefined) throw new CodeError(`unknown function '${name}'`);
  return call(values);
}

const FUNCTIONS: Readonly<Record<string, (values: readonly CodeValue[]) => CodeValue>> = {
  print: () => null,
  abs: (values) => Math.abs(numberAt("abs", values)),
  int: (values) => Math.trunc(numberAt("int", values)),
  float: (values) => numberAt("float", values),
  round: (values) => Math.round(numberAt("round", values)),
  bool: (values) => isTrue(values[0] ?? null),
  str: (values) => show(values[0] ?? ""),
  len: (values) => lengthOf(values[0] ?? null),
  min: (values) => extreme("min", values, -1),
  max: (values) => extreme("max", values, 1),
};

function numberAt(name: string, values: readonly CodeValue[]): number {
  const value = numberOf(values[0] ?? null);
  if (value === null) throw new CodeError(`${name}() takes a number, not ${show(values[0] ?? null)}`);
  return value;
}

function lengthOf(value: CodeValue): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  throw new CodeError(`len() takes a string or a tuple, not ${show(value)}`);
}

function extreme(name: string, values: readonly CodeValue[], sign: number): CodeValue {
  const items = values.length === 1 && Array.isArray(values[0]) ? values[0] : values;
  const [first, ...rest] = items;
  if (first === undefined) throw new CodeError(`${name}() takes at least one value`);
  return rest.reduce<CodeValue>((best, value) => {
    const order = orderOf(value, best);
    if (order === null) throw new CodeError(`no order between ${show(value)} and ${show(best)}`);
    return order * sign > 0 ? value : best;
  }, first);
}
