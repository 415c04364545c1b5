/** The entry `usertcp/sockets`: connections as WebStreams and async iterators, on the default stack or any other. */
export { connect, listen } from "./net/default-net.ts";
export {
  createSockets,
  type Destination,
  type Sockets,
  type StreamListener,
  type StreamListenOptions,
  type StreamSocketOptions,
} from "./net/sockets.ts";
export type { Bytes, SecureTransport, SocketInfo, StreamSocket, TlsOptions } from "./net/stream-socket.ts";
