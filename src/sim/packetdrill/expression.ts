/** Arguments of system calls: what an expression of a script stands for, and whether a value is the one it names. */
import type { Expression } from "./ast.ts";
import { constant } from "./constants.ts";
import type { Profile } from "./verdict.ts";

/** Something of a script that is beyond us; the message names it. */
export class Unsupported extends Error {}

/** The number an expression stands for; null for `...`. */
export function numberOf(expression: Expression | undefined, profile: Profile): number | null {
  if (expression === undefined) return null;
  switch (expression.kind) {
    case "ellipsis":
      return null;
    case "integer":
      return expression.value;
    case "symbol": {
      const value = constant(expression.name, profile);
      if (value === undefined) throw new Unsupported(`the constant ${expression.name}`);
      return value;
    }
    case "or": {
      let all = 0;
      for (const term of expression.terms) all |= numberOf(term, profile) ?? 0;
      return all;
    }
    case "call": {
      const [argument] = expression.arguments;
      if (expression.name === "htons" || expression.name === "htonl") return numberOf(argument, profile);
      throw new Unsupported(`the function ${expression.name}()`);
    }
    case "array":
      return numberOf(expression.items[0], profile);
    case "assign":
      return numberOf(expression.value, profile);
    default:
      throw new Unsupported(`a ${expression.kind} where a number is expected`);
  }
}

/** The name of a constant that is a name rather than a number to us: an option, a level, a request. */
export function nameOf(expression: Expression | undefined): string {
  if (expression === undefined) return "";
  if (expression.kind === "symbol") return expression.name;
  if (expression.kind === "integer") return expression.text;
  throw new Unsupported(`a ${expression.kind} where a name is expected`);
}

/** The field of a structure by name; undefined without. */
export function fieldOf(expression: Expression | undefined, ...names: string[]): Expression | undefined {
  if (expression?.kind !== "struct") return undefined;
  return expression.fields.find((field) => field.name !== null && names.includes(field.name))?.value;
}

/** The address and port of a `sockaddr` in a script, as far as it says them. */
export function addressOf(
  expression: Expression | undefined,
  profile: Profile,
): { host: string | null; port: number | null } {
  const port = numberOf(fieldOf(expression, "sin_port", "sin6_port"), profile);
  const address = fieldOf(expression, "sin_addr", "sin6_addr");
  let host: string | null = null;
  if (address?.kind === "call") {
    const text = address.arguments.find((argument) => argument.kind === "string");
    if (text?.kind === "string") host = text.value;
  } else if (address?.kind === "string") {
    host = address.value;
  }
  return { host, port };
}

/** A value that a call gave back beside its result, against what the script says of it: null, or the complaint. */
export function complaintOf(
  what: string,
  expected: Expression | undefined,
  actual: number,
  profile: Profile,
): string | null {
  if (expected === undefined || expected.kind === "ellipsis") return null;
  const value = numberOf(expected, profile);
  return value === null || value === actual ? null : `${what}: expected ${value}, got ${actual}`;
}
