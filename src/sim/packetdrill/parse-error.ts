/** Why a script can't be read, and where. */
export class ParseError extends Error {
  override readonly name: string = "ParseError";
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** The reason without the place. */
  readonly reason: string;
  /** The language has it and we don't (SCTP, ...): the script is not wrong. */
  readonly unsupported: boolean;

  constructor(file: string, line: number, column: number, reason: string, unsupported = false) {
    super(`${file}:${line}:${column}: ${reason}`);
    this.file = file;
    this.line = line;
    this.column = column;
    this.reason = reason;
    this.unsupported = unsupported;
  }
}
