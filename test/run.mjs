/**
 * `npm test`: prepares the checkout, then runs every test. Arguments are vitest's. Plain JavaScript: it runs before
 * anything is installed.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { prepare, ROOT } from "../src/cli/prepare.mjs";

prepare();
const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
if (!existsSync(vitest)) {
  process.stderr.write("usertcp: vitest is not installed: npm ci --include=dev\n");
  process.exit(1);
}
const child = spawn(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
