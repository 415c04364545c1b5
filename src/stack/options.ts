/** What a stack is made of, as `new Stack` takes it. */
import type { TcpConfig } from "../tcp/config.ts";
import type { StackInterface } from "./interface.ts";
import type { ReassemblyOptions } from "./reassembly.ts";
import type { ShardOptions } from "./shard.ts";

/** What a stack is made of. */
export interface StackOptions {
  /** One for each device. */
  readonly interfaces: StackInterface[];
  /** Differences from `DEFAULT_CONFIG`. */
  readonly tcp?: Partial<TcpConfig>;
  /** Differences from `DEFAULT_REASSEMBLY`: what fragments may cost. */
  readonly reassembly?: Partial<ReassemblyOptions>;
  /** The stack is one of several that share their addresses. */
  readonly shard?: ShardOptions;
  /** Timers fire at their exact time, for simulation; else those of 10 ms and more are rounded up by about 1 ms. */
  readonly exactTimers?: boolean;
}
