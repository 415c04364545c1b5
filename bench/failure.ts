/** Errors that the person at the command line can act on: one line, no stack, and the exit code. */
export class Failure extends Error {
  readonly exitCode: 1 | 2;

  /** `exitCode` 1: it did not work; 2: it was asked for wrongly. */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = "Failure";
    this.exitCode = exitCode;
  }
}
