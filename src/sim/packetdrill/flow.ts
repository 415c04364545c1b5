/**
 * One connection of a script: which packets are its, and how the script's numbers stand to the live ones. A script
 * chooses ISNs, timestamps and ports as it likes; ours come from the stack. SYN segments carry the script's absolute
 * numbers, all others are relative to the ISNs.
 */
import type { Seen } from "./seen.ts";

/** Numbers of one connection. */
export class Flow {
  readonly localPort: number;
  readonly remotePort: number;
  /** Our ISN as the script writes it, and as the stack chose it. */
  scriptLocalIsn = 0;
  liveLocalIsn = 0;
  /** The peer's ISN: the script decides it, so both are the same. */
  remoteIsn = 0;
  /** The peer's ISN of a SYN in TIME-WAIT, if the stack takes it for a new connection. */
  nextIsn: number | null = null;
  /** Packets of it that no line of the script took yet, the oldest first. */
  readonly queue: Seen[] = [];
  /** Live TSval by the script's. */
  readonly #timestamps: Map<number, number> = new Map();
  #isLearned = false;
  #firstScriptTs: number | null = null;
  #firstLiveTs = 0;

  constructor(localPort: number, remotePort: number) {
    this.localPort = localPort;
    this.remotePort = remotePort;
  }

  /** What to add to the script's number of our bytes for the live one. */
  localOffset(syn: boolean): number {
    return syn ? this.liveLocalIsn - this.scriptLocalIsn : this.liveLocalIsn;
  }

  /** The same for the peer's bytes. */
  remoteOffset(syn: boolean): number {
    return syn ? 0 : this.remoteIsn;
  }

  /** The stack's first SYN or SYN-ACK, with the number the script has for it. One that comes again must bear the same. */
  learnLocalIsn(script: number, live: number): void {
    if (this.#isLearned) return;
    this.#isLearned = true;
    this.scriptLocalIsn = script;
    this.liveLocalIsn = live;
  }

  /** The peer begins anew from the same ports, and so will the stack. */
  restart(remoteIsn: number): void {
    this.remoteIsn = remoteIsn;
    this.nextIsn = null;
    this.#isLearned = false;
  }

  /** A line of the script took a segment with TSval `live`, which it calls `script`. */
  learnTimestamp(script: number, live: number): void {
    if (this.#firstScriptTs === null) {
      this.#firstScriptTs = script;
      this.#firstLiveTs = live;
    }
    this.#timestamps.set(script, live);
  }

  /** TSecr to send for the script's: what the stack sent under that name, or the same distance from the first. */
  liveEcho(script: number): number {
    const known = this.#timestamps.get(script);
    if (known !== undefined) return known;
    return this.#firstScriptTs === null || script === 0
      ? script
      : this.#firstLiveTs + script - this.#firstScriptTs;
  }

  /** The TSval that the script means, by its distance from the first one; null before that. */
  expectedTimestamp(script: number): number | null {
    return this.#firstScriptTs === null ? null : this.#firstLiveTs + script - this.#firstScriptTs;
  }
}

/** All flows of a run. */
export class Flows {
  readonly all: Flow[] = [];
  /** The one that packets of the script belong to. */
  current: Flow = new Flow(0, 0);

  /** Makes a flow the one under test. */
  open(localPort: number, remotePort: number): Flow {
    const flow = new Flow(localPort, remotePort);
    this.all.push(flow);
    this.current = flow;
    return flow;
  }

  find(localPort: number, remotePort: number): Flow | null {
    // The latest of those with the same ports.
    for (let i = this.all.length - 1; i >= 0; i--) {
      const flow = this.all[i]!;
      if (flow.localPort === localPort && flow.remotePort === remotePort) return flow;
    }
    return null;
  }
}
