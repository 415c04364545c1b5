/** `npm run bench -- SUITE` and `npm run bench -- plot FILE.json...`: rows on standard output, progress and complaints on standard error. */
import { Failure } from "./failure.ts";
import { benchKernel, type Outcome } from "./kernel.ts";
import { type BenchOptions, parseArguments } from "./options.ts";
import { modelTable } from "./queue-model.ts";
import { table } from "./report.ts";

try {
  const args = process.argv.slice(2);
  if (args[0] === "plot") await draw(args.slice(1));
  else {
    const options = parseArguments(args);
    if (typeof options === "string") process.stdout.write(options);
    else await bench(options);
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = error.exitCode;
}

async function bench(options: BenchOptions): Promise<void> {
  const { rows, failures } = await run(options);
  process.stdout.write(options.json ? `${JSON.stringify(rows, null, 2)}\n` : table(rows));
  if (options.suite === "queues" && !options.json) process.stdout.write(`\n${modelTable(rows)}`);
  for (const failure of failures) process.stderr.write(`bench: failed: ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
}

/** Loaded only here: the charts' library is large. */
async function draw(args: readonly string[]): Promise<void> {
  const drawn = await (await import("./plot.ts")).plot(args);
  process.stdout.write(typeof drawn === "string" ? drawn : `${drawn.join("\n")}\n`);
}

async function run(options: BenchOptions): Promise<Outcome> {
  switch (options.suite) {
    case "parse":
      return { rows: (await import("./parse.ts")).benchParse(), failures: [] };
    case "lookup":
      return { rows: (await import("./lookup.ts")).benchLookup(), failures: [] };
    case "queues": {
      const { benchHandOver } = await import("./hand-over.ts");
      const { rows, failures } = await onKernel(options, options.suite);
      return { rows: [...benchHandOver(), ...rows], failures };
    }
    case "gate":
      return (await import("./gate.ts")).benchGate(options.update);
    case "scale": {
      const progress = (line: string): void => void process.stderr.write(`${line}\n`);
      return (await import("./scale.ts")).benchScale({ ...options, progress });
    }
    case "kernel":
    case "peers":
    case "http":
    case "loss":
    case "path":
      return onKernel(options, options.suite);
  }
}

function onKernel(
  options: BenchOptions,
  suite: Exclude<BenchOptions["suite"], "parse" | "lookup" | "scale" | "gate">,
): Promise<Outcome> {
  return benchKernel({ ...options, suite, progress: (line) => void process.stderr.write(`${line}\n`) });
}
