/** `usertcp build-addon`: compiles the TUN addon for this machine, by the package's own build script. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { failure } from "./cli-error.ts";
import { waitFor } from "./processes.ts";

/** `usertcp build-addon` */
export function buildAddonCommand(): Command {
  return new Command("build-addon")
    .description("compile the TUN addon for this machine (needs a C compiler)")
    .option("--force", "even when it is up to date")
    .option("--json", 'on success {"addon": PATH}')
    .action(build);
}

async function build(options: { force?: boolean; json?: boolean }): Promise<void> {
  const script = fileURLToPath(new URL("../../native/build.mjs", import.meta.url));
  const addon = fileURLToPath(new URL("../../native/build/usertcp.node", import.meta.url));
  const args = options.force === true ? [script, "--force"] : [script];
  const status = await waitFor(spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] }));
  if (status !== 0 || !existsSync(addon))
    throw failure("the TUN addon was not built: the lines above say why");
  process.stdout.write(options.json === true ? `${JSON.stringify({ addon })}\n` : `${addon}\n`);
}
