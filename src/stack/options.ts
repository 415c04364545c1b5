/** What a stack is made of, as `new Stack` takes it. */
import type { TcpConfig } from "../tcp/config.ts";
import type { StackInterface } from "./interface.ts";

/** What a stack is made of. */
export interface StackOptions {
  /** One for each device. */
  readonly interfaces: StackInterface[];
  /** Differences from `DEFAULT_CONFIG`. */
  readonly tcp?: Partial<TcpConfig>;
  /** Timers fire at their exact time, for simulation; else those of 10 ms and more are rounded up by about 1 ms. */
  readonly exactTimers?: boolean;
}
