/**
 * Runs a scenario of ./scenarios in a process of its own, in a network namespace of its own: other people's programs on
 * our net, their real counterparts on the kernel's. What a scenario leaves running is ended with it.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";
import { Namespace } from "../interop/cli-process.ts";
import { ended } from "../interop/kernel-peer.ts";

/** Over a TUN device with the kernel on its other side, or over a stack inside the process. */
type Ground = "tun" | "loopback";

/** Makes other people's programs and dist/ ready; quick when they are. */
export function installPrograms(): void {
  vi.setConfig({ testTimeout: 90_000 });
  execFileSync(process.execPath, [fileURLToPath(new URL("install.mjs", import.meta.url))], {
    stdio: "inherit",
  });
}

/** A scenario over each ground, which must see the same. */
export function itPlays(scenario: string, what: string, saw: unknown): void {
  for (const ground of ["tun", "loopback"] as const) {
    it(`${scenario} over ${ground}: ${what}`, async () => {
      expect(await play(scenario, ground)).toEqual(saw);
    });
  }
}

/** What a scenario saw. */
async function play(scenario: string, ground: Ground, ms = 60_000): Promise<unknown> {
  const script = fileURLToPath(new URL("run.mjs", import.meta.url));
  const namespace = await Namespace.create();
  try {
    const running = namespace.start(process.execPath, [script, scenario, ground]);
    const { code, stdout, stderr } = await ended(running, `${scenario} over ${ground}`, ms);
    if (code !== 0) throw new Error(`${scenario} over ${ground}: exit code ${code}: ${stderr}`);
    return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  } finally {
    await namespace.remove();
  }
}
