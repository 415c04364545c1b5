/**
 * Clients that hold many connections (`hold.c`), as many processes as it takes: each may have only so many files open. To the
 * suite they are one.
 */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { Dialogue } from "./dialogue.ts";
import { spawnIn, stop } from "./namespace.ts";
import { BUILD } from "./paths.ts";

/** Connections a process: where limits cannot be raised, 20,000 files are usual. */
const EACH = 19_000;

export interface Pinged {
  readonly total: number;
  readonly rate: number;
  readonly p50us: number;
  readonly p99us: number;
}

/** All the clients of one run. */
export class Holders {
  readonly #children: ChildProcess[] = [];
  readonly #dialogues: Dialogue[] = [];
  #held = 0;

  /** Room for `most` connections. */
  constructor(namespace: string, host: string, sources: readonly string[], most: number) {
    for (let i = 0; i < Math.ceil(most / EACH); i++) {
      const command = [join(BUILD, "hold"), host, sources.join(",")];
      const child = spawnIn(namespace, command, { stdio: "pipe" });
      this.#children.push(child);
      this.#dialogues.push(new Dialogue(child, "hold"));
    }
  }

  /** Connections until `count` are held: how many a second that were. */
  async open(count: number): Promise<{ rate: number; opened: number }> {
    let seconds = 0;
    const opened = count - this.#held;
    for (const [i, dialogue] of this.#dialogues.entries()) {
      const share = Math.min(EACH, count - i * EACH);
      if (share <= 0) break;
      seconds += (await dialogue.ask<{ seconds: number }>(`open ${share}`, 120)).seconds;
    }
    this.#held = count;
    return { rate: opened / seconds, opened };
  }

  /** Round trips over `count` of them at once, each process its share; of percentiles the worst. */
  async ping(count: number, seconds: number): Promise<Pinged> {
    const holding = Math.ceil(this.#held / EACH);
    const each = Math.max(1, Math.round(count / holding));
    const all = await Promise.all(
      this.#dialogues.slice(0, holding).map((one) => one.ask<Pinged>(`ping ${each} ${seconds}`)),
    );
    const sum = (of: "total" | "rate"): number => all.reduce((total, one) => total + one[of], 0);
    const worst = (of: "p50us" | "p99us"): number => Math.max(...all.map((one) => one[of]));
    return { total: sum("total"), rate: sum("rate"), p50us: worst("p50us"), p99us: worst("p99us") };
  }

  /** Until the peer has closed all. */
  async drain(): Promise<void> {
    await Promise.all(this.#dialogues.map((one) => one.ask("drain", 120)));
    this.#held = 0;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(stop));
  }
}
