/** Why a script failed: thrown where it is found out, told by `run.ts`. */
import type { Verdict } from "./verdict.ts";

/** An event that did not go as the script says. */
export class ScriptFailure extends Error {
  readonly line: number | null;
  readonly views: Pick<Verdict, "expected" | "seen" | "differing">;

  constructor(
    message: string,
    line: number | null = null,
    views: Pick<Verdict, "expected" | "seen" | "differing"> = {},
  ) {
    super(message);
    this.line = line;
    this.views = views;
  }
}
