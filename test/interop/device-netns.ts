/** Runs scenarios of TypeScript in a process of their own, inside a fresh network namespace. */
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "rolldown";

const run = promisify(execFile);

export interface Scenarios {
  /** Runs one scenario and returns what it printed; rejects when its process failed. */
  run(name: string): Promise<unknown>;
  remove(): Promise<void>;
}

/** Bundles a file of scenarios, two folders below the root as the addon's finder expects. */
export async function compileScenarios(source: string): Promise<Scenarios> {
  const file = fileURLToPath(new URL(`../../build/interop/${source}-${process.pid}.mjs`, import.meta.url));
  await build({
    input: fileURLToPath(new URL(`./${source}.ts`, import.meta.url)),
    platform: "node",
    logLevel: "warn",
    output: { file, format: "esm" },
  });
  return {
    async run(name) {
      const command = 'ip link set lo up && exec "$0" "$@"';
      const { stdout } = await run("unshare", ["-n", "sh", "-c", command, process.execPath, file, name], {
        timeout: 60_000,
        maxBuffer: 1 << 24,
      });
      return stdout === "" ? undefined : JSON.parse(stdout);
    },
    remove: () => rm(file, { force: true }),
  };
}
