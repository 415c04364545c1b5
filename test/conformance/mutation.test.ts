/**
 * The interpreter kept honest: our scripts pass, and with one thing changed they must not. Without this, a matcher that
 * compares nothing would pass every suite. `MUTANTS=all` tries every mutant; otherwise some of each script.
 */
import { describe, expect, test } from "vitest";
import { checkScript } from "../../src/sim/packetdrill/check-script.ts";
import { mutantsOf } from "./mutate.ts";
import { conformanceScripts, textFor } from "./scripts.ts";

const MOST = process.env["MUTANTS"] === "all" ? Number.POSITIVE_INFINITY : 24;

/** Mutants that stay right, with why. */
const EQUIVALENT: ReadonlyMap<string, string> = new Map([]);

/**
 * The last segment of a connection before the script opens its next one: as in packetdrill, only the live one is watched, so
 * that nobody sees it left over.
 */
function isBehindTheCurtain(script: string, mutant: { what: string; line: number }): boolean {
  if (!mutant.what.endsWith("expectation removed")) return false;
  const next = script
    .split("\n")
    .slice(mutant.line)
    .find((line) => line.trim() !== "" && !line.includes(" < "));
  return next !== undefined && / socket\(/.test(next);
}

/** At most `most` of `items`, from all over. */
function spread<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, index) => items[Math.floor((index * items.length) / most)]!);
}

const cases = conformanceScripts().flatMap((script) =>
  script.profiles
    .filter((profile) => !script.lenient.includes(profile))
    .slice(0, 1)
    .map((profile) => [script.name, textFor(profile, script.text), profile] as const),
);

describe("a script with one thing changed is refused", () => {
  test.each(cases)("%s", (name, text, profile) => {
    expect(checkScript(text, name, { profile, mode: "strict" }).status, "the script as it is").toBe("pass");
    const survivors: string[] = [];
    for (const mutant of spread(mutantsOf(text), MOST)) {
      if (EQUIVALENT.has(`${name} ${mutant.what}`) || isBehindTheCurtain(text, mutant)) continue;
      for (const mode of mutant.lenient ? (["strict", "lenient"] as const) : (["strict"] as const)) {
        const { status } = checkScript(mutant.text, name, { profile, mode });
        if (status !== "fail")
          survivors.push(`${mode} ${status}: ${mutant.what}: ${mutant.text.split("\n")[mutant.line - 1]}`);
      }
    }
    expect(survivors).toEqual([]);
  });

  test("the mutants of one line change each thing in it", () => {
    const mutants = mutantsOf("0 close(3) = 0\n+.1 > P. 1:11(10) ack 1 win 5 <mss 10,nop,TS val 1 ecr 2>\n");
    expect(mutants.map(({ what, lenient }) => `${what}${lenient ? "" : " (strict)"}`)).toEqual([
      "line 1: result",
      "line 2: a second later",
      "line 2: half the time",
      "line 2: sequence number",
      "line 2: one octet longer",
      "line 2: one octet shorter",
      "line 2: acknowledgment",
      "line 2: window (strict)",
      "line 2: flag F",
      "line 2: flag R",
      "line 2: flag U",
      "line 2: flag E",
      "line 2: flag W",
      "line 2: flag ACK",
      "line 2: flag P (strict)",
      "line 2: an option more",
      "line 2: padding more (strict)",
      "line 2: without mss 10",
      "line 2: mss 10 as mss 11",
      "line 2: without nop (strict)",
      "line 2: without TS val 1 ecr 2",
      "line 2: TS val 1 ecr 2 as TS val 1 ecr 3",
      "line 2: another order (strict)",
      "line 2: expectation removed (strict)",
      "line 2: expectation doubled",
    ]);
    expect(mutants[3]!.text).toBe(
      "0 close(3) = 0\n+.1 > P. 2:12(10) ack 1 win 5 <mss 10,nop,TS val 1 ecr 2>\n",
    );
  });
});
