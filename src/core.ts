/** The core alone: sans-I/O, for any JavaScript run time. See `Stack` for the contract with whoever drives it. */
export { enableAssertions } from "./base/assert.ts";
export { ArgumentError, type ErrorCode, NetworkError } from "./base/errors.ts";
export type { Host } from "./base/host.ts";
export {
  HEADROOM,
  PIECE,
  type ReceiveBatch,
  RX,
  RX_BATCH,
  RX_CHECKSUM_OK,
  TransmitBatch,
  TX,
} from "./base/packet-batch.ts";
export { type Micros, MS, NEVER, SECOND } from "./base/time.ts";
export type { ListenOptions } from "./stack/bindings.ts";
export type { ConnectOptions } from "./stack/connect.ts";
export type { Connection } from "./stack/connection.ts";
export type { ConnectionHandler, ListenerHandler, SynFlow, SynVerdict } from "./stack/events.ts";
export type { ListenerStats, SocketRow, StackSnapshot, TcpInfo, TimerRow } from "./stack/inspect.ts";
export { StackInterface } from "./stack/interface.ts";
export type { Listener } from "./stack/listener.ts";
export type { StackOptions } from "./stack/options.ts";
export { Stack } from "./stack/stack.ts";
export { DEFAULT_CONFIG, type TcpConfig } from "./tcp/config.ts";
export type { CongestionName } from "./tcp/congestion/congestion.ts";
