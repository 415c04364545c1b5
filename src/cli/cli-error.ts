/**
 * How a command fails: one line that says what to do, and an exit code. 2 is for misuse (the command line is
 * wrong: nothing was tried), 1 for failure (it was tried). Knows no command.
 */

/** Exit codes of every command. */
const EXIT_FAILURE = 1 as const;
export const EXIT_MISUSE = 2 as const;

/** Ends the command: `message` goes to standard error as one line. */
export class CliError extends Error {
  override readonly name: string = "CliError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command line is wrong. */
export function misuse(message: string): CliError {
  return new CliError(message, EXIT_MISUSE);
}

/** What was asked for did not work. */
export function failure(message: string): CliError {
  return new CliError(message, EXIT_FAILURE);
}

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  return error instanceof CliError ? error.exitCode : EXIT_FAILURE;
}

/** An error as one line, without a stack: an operator reads it. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s*\n\s*/g, " ").trim();
}

/** The code of a system error (`ENOENT`), or null. */
export function codeOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
