/**
 * Runs a scenario of ./scenarios in a process of its own, in a network namespace of its own: other people's programs on
 * our net, their real counterparts on the kernel's. What a scenario leaves running is ended with it.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { Namespace } from "../interop/cli-process.ts";
import { ended } from "../interop/kernel-peer.ts";

/** How long one may take, its servers and Chromium included. */
const LIMIT_MS = 90_000;

/** Over a TUN device with the kernel on its other side, or over a stack inside the process. */
type Ground = "tun" | "loopback";

/** Makes other people's programs and dist/ ready; quick when they are. */
export function installPrograms(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("install.mjs", import.meta.url))], {
    stdio: "inherit",
  });
}

/** A scenario over each ground, which must see the same. */
export function itPlays(scenario: string, what: string, saw: unknown): void {
  for (const ground of ["tun", "loopback"] as const) {
    it(
      `${scenario} over ${ground}: ${what}`,
      async () => {
        expect(await play(scenario, ground)).toEqual(saw);
      },
      LIMIT_MS,
    );
  }
}

/** An example of docs/examples, with a server of servers.mjs beside it or a command that asks it, must print this. */
export function itShows(
  example: string,
  beside: { server?: string; ask?: string[]; flags?: string[] },
  what: RegExp,
): void {
  it(
    `docs/examples/${example}.mjs`,
    async () => {
      expect(await run("show.mjs", example, JSON.stringify(beside))).toMatch(what);
    },
    LIMIT_MS,
  );
}

/** A program of ./unmodified under `usertcp/install`, which must see this, and end by itself. */
export function itRuns(program: string, what: string, saw: unknown): void {
  it(
    `${program}: ${what}`,
    async () => {
      expect(JSON.parse(await run("unmodified.mjs", program))).toEqual(saw);
    },
    LIMIT_MS,
  );
}

/** What a scenario saw. */
async function play(scenario: string, ground: Ground): Promise<unknown> {
  const stdout = await run("run.mjs", scenario, ground);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}

/** Standard output of a script in this folder, run to its end in a fresh network namespace. */
async function run(script: string, ...args: string[]): Promise<string> {
  const namespace = await Namespace.create();
  try {
    const file = fileURLToPath(new URL(script, import.meta.url));
    const running = namespace.start(process.execPath, [file, ...args]);
    const { code, stdout, stderr } = await ended(running, `${script} ${args.join(" ")}`, 60_000);
    if (code !== 0) throw new Error(`${script} ${args.join(" ")}: exit code ${code}: ${stderr}`);
    return stdout;
  } finally {
    await namespace.remove();
  }
}
