/**
 * The program: its commands, and how it ends. One line on standard error for a failure; exit code 2 for misuse,
 * 1 for failure.
 */
import { Command, CommanderError } from "commander";
import { buildAddonCommand } from "./build-addon.ts";
import { EXIT_MISUSE, exitCodeOf, oneLine } from "./cli-error.ts";
import { labCommand } from "./lab.ts";
import { ncCommand } from "./nc.ts";
import { netstatCommand } from "./netstat.ts";
import { packageVersion } from "./package-version.ts";
import { pktCommand } from "./pkt.ts";
import { echoCommand, serveCommand } from "./serve.ts";
import { ssCommand } from "./ss.ts";

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command("usertcp")
    .description("a TCP stack in user space over a TUN device")
    .version(packageVersion(), "-V, --version")
    .helpCommand("help [command]", "what a command takes")
    .enablePositionalOptions();
  const commands = [
    serveCommand(),
    echoCommand(),
    labCommand(),
    ncCommand(),
    ssCommand(),
    netstatCommand(),
    pktCommand(),
    buildAddonCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  // Subcommands made apart don't inherit these.
  for (const command of [program, ...commands]) {
    command
      .exitOverride()
      .configureOutput({ outputError: () => {} })
      .showSuggestionAfterError(true);
  }
  return program;
}

/** Runs a command line; resolves with the exit code. Errors were told on standard error by then. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...args], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return tell(error, args);
  }
}

function tell(error: unknown, args: readonly string[]): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // The help that commander prints for want of a command is on standard error already.
    if (error.code === "commander.help") return EXIT_MISUSE;
    return complain(error.message.replace(/^error: /, ""), EXIT_MISUSE, args);
  }
  return complain(oneLine(error), exitCodeOf(error), args);
}

function complain(message: string, exitCode: number, args: readonly string[]): number {
  const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  const text = oneLine(message);
  process.stderr.write(
    own.includes("--json") ? `${JSON.stringify({ error: text, exitCode })}\n` : `usertcp: ${text}\n`,
  );
  return exitCode;
}
