/** The entry `usertcp/net`: node:net over a stack of ours; the default export is on the default stack. */
export type {
  ConnectOptions,
  CreateConnectionOptions,
  ListenOptions,
  NetStack,
  OnReadOptions,
  ServerOptions,
  SocketOptions,
} from "./net/arguments.ts";
export { connectionOf, listenerOf } from "./net/below.ts";
export { defaultNet as default } from "./net/default-net.ts";
export type { ServerExtras, SocketExtras, TcpServer, TcpSocket } from "./net/extras.ts";
export {
  type Connect,
  type CreateServer,
  createNet,
  type Net,
  type TcpConnect,
  type TcpCreateServer,
} from "./net/net.ts";
export type { DropArgument, Server, ServerConstructor } from "./net/server.ts";
export type { Socket, SocketConstructor } from "./net/socket.ts";
