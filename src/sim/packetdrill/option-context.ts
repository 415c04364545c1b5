/** What socket options default to under the stack's present configuration. */
import { MS, SECOND } from "../../base/time.ts";
import type { CallContext } from "./calls.ts";
import type { OptionContext } from "./socket-options.ts";

/** For the options of one call: sysctls of the script may have changed since the last. */
export function optionContext(context: CallContext): OptionContext {
  const { config } = context.machine.stack;
  const linux = context.profile === "linux";
  return {
    profile: context.profile,
    receiveBufferMax: config.receiveBufferMax,
    defaults: {
      SO_RCVBUF: linux ? 2 * config.receiveBuffer : config.receiveBuffer,
      SO_SNDBUF: config.sendBuffer,
      SO_KEEPALIVE: 0,
      TCP_NODELAY: config.noDelay ? 1 : 0,
      TCP_KEEPIDLE: config.keepAliveIdle / SECOND,
      TCP_KEEPALIVE: config.keepAliveIdle / SECOND,
      TCP_KEEPINTVL: config.keepAliveInterval / SECOND,
      TCP_KEEPCNT: config.keepAliveCount,
      TCP_KEEPINIT: config.keepInit / SECOND,
      TCP_USER_TIMEOUT: config.userTimeout / MS,
      TCP_SYNCNT: config.synRetries,
      TCP_MAXSEG: config.mss > 0 ? config.mss : linux || context.network.family === 4 ? 536 : 1220,
    },
  };
}
