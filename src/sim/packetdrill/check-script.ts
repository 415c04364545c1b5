/** One script from its text to its verdict. Whatever goes wrong on the way is the verdict. */
import type { Script } from "./ast.ts";
import { ParseError } from "./parse-error.ts";
import { parseScript } from "./parse-script.ts";
import { runScript } from "./run.ts";
import type { RunOptions, Verdict } from "./verdict.ts";

/** Parses and runs `text`. `file` names it in messages. A crash of ours is a failure, never a pass. */
export function checkScript(text: string, file: string, options: RunOptions): Verdict {
  let script: Script;
  try {
    script = parseScript(text, { file, platform: options.profile });
  } catch (error) {
    if (!(error instanceof ParseError)) return crash("parser", error);
    const message = error.unsupported ? error.reason : `column ${error.column}: ${error.reason}`;
    return { status: error.unsupported ? "unsupported" : "fail", line: error.line, message };
  }
  try {
    return runScript(script, options);
  } catch (error) {
    return crash("interpreter", error);
  }
}

function crash(what: string, error: unknown): Verdict {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  const message = `the ${what} crashed: ${text.split("\n").slice(0, 3).join(" ").replace(/\s+/g, " ")}`;
  return { status: "fail", line: null, message };
}
