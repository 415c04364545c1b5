/** usertcp: a TCP stack of your own, on a TUN device or any other source of IP packets. */
export { ArgumentError, type ErrorCode, NetworkError } from "./base/errors.ts";
export type { Device, DeviceReceiver } from "./device/device.ts";
export { duplexDevice } from "./device/duplex.ts";
export { createPipe } from "./device/pipe.ts";
export { openTun, type TunDevice, type TunOptions } from "./device/tun.ts";
export { type CreateShardsOptions, createShards, type RunningShards } from "./driver/create-shards.ts";
export {
  type CaptureTap,
  type CreateStackOptions,
  createStack,
  type RunningStack,
} from "./driver/create-stack.ts";
export { joinShard, type RunningShard } from "./driver/join-shard.ts";
export type { ListenOptions } from "./stack/bindings.ts";
export type { ConnectOptions } from "./stack/connect.ts";
export type { Connection } from "./stack/connection.ts";
export type { ConnectionHandler, ListenerHandler, SynFlow, SynVerdict } from "./stack/events.ts";
export type { ListenerStats, SocketRow, StackSnapshot, TcpInfo, TimerRow } from "./stack/inspect.ts";
export type { Listener } from "./stack/listener.ts";
export { DEFAULT_CONFIG, type TcpConfig } from "./tcp/config.ts";
export type { CongestionName } from "./tcp/congestion/congestion.ts";
