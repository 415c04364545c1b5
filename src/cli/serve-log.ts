/**
 * What a command tells its operator while it runs: lines on standard error, so that standard output stays
 * a program's to read. With --json each line is an object.
 */

/** Writes one line. */
export type Log = (event: string, message: string) => void;

/** A log on standard error. */
export function stderrLog(json: boolean): Log {
  return (event, message) => {
    process.stderr.write(json ? `${JSON.stringify({ event, message })}\n` : `usertcp: ${message}\n`);
  };
}
