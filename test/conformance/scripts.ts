/** Our conformance scripts and what the comments at their heads say of them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Profile } from "../../src/sim/packetdrill/verdict.ts";

const FOLDER = import.meta.dirname;

export interface ConformanceScript {
  /** Relative to this folder. */
  readonly name: string;
  readonly text: string;
  readonly profiles: readonly Profile[];
  /** The first line that names an RFC or a draft and its section; null is an error of the script. */
  readonly reference: string | null;
  /** Profiles in which strict mode can't pass, by a line `lenient freebsd: why`. */
  readonly lenient: readonly Profile[];
  /** Why Linux itself departs from the script, by a line `kernel: why`; null: it does not (test/parity). */
  readonly kernel: string | null;
  /** Words on the `profiles` line that are none. */
  readonly unknown: readonly string[];
}

/** Every *.pkt of this folder and below, by name. */
export function conformanceScripts(): ConformanceScript[] {
  return readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".pkt"))
    .sort()
    .map((name) => readHead(name, readFileSync(join(FOLDER, name), "utf8")));
}

/** What stands in the comments before the first line that is none. */
export function readHead(name: string, text: string): ConformanceScript {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  const head = lines.slice(0, end === -1 ? undefined : end).map((line) => line.slice(2).trim());
  const words = head
    .filter((line) => line.startsWith("profiles:"))
    .flatMap((line) => line.slice("profiles:".length).split(/[\s,]+/))
    .filter((word) => word !== "");
  const isProfile = (word: string): word is Profile => word === "linux" || word === "freebsd";
  return {
    name,
    text,
    profiles: words.filter(isProfile),
    reference:
      head.find((line) => /^(?:RFC \d+|draft-[a-z0-9-]+) (?:section )?[\dA-Z][\d.A-Z]*/.test(line)) ?? null,
    lenient: head.flatMap(
      (line) => (/^lenient (linux|freebsd): \S/.exec(line)?.[1] as Profile | undefined) ?? [],
    ),
    kernel: head.flatMap((line) => /^kernel: (\S.*)/.exec(line)?.[1] ?? [])[0] ?? null,
    unknown: words.filter((word) => !isProfile(word)),
  };
}

/** The text without what `#ifdef` leaves to other platforms; lines keep their numbers. */
export function textFor(profile: Profile, text: string): string {
  return text.replace(/#ifdef +(\w+)([\s\S]*?)#endif/g, (all, platform: string, body: string) =>
    platform.toLowerCase() === profile ? body : all.replace(/[^\n]/g, ""),
  );
}
