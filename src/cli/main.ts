#!/usr/bin/env node
/** The executable: runs the command line it was given. */
import { run } from "./program.ts";

// A reader that went away (`usertcp ss | head -1`) is no failure of ours.
process.stdout.on("error", () => {});
const exitCode = await run(process.argv.slice(2));
process.stdout.write("", () => process.exit(exitCode));
