/** Runs a script against a stack in virtual time. */
import type { Script } from "./ast.ts";
import type { RunOptions, Verdict } from "./verdict.ts";

export function runScript(script: Script, _options: RunOptions): Verdict {
  return {
    status: "unsupported",
    line: script.events[0]?.line ?? null,
    message: "scripts are parsed, not yet run",
  };
}
