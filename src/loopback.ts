/** The entry `usertcp/loopback`: node:net over a stack that lives in this process. */
import { loopbackNet } from "./net/loopback.ts";
import type { Net } from "./net/net.ts";

export { loopbackStack as stack } from "./net/loopback.ts";
export default loopbackNet;
export const Socket: Net["Socket"] = loopbackNet.Socket;
export const Stream: Net["Socket"] = loopbackNet.Socket;
export const BlockList: Net["BlockList"] = loopbackNet.BlockList;
export const SocketAddress: Net["SocketAddress"] = loopbackNet.SocketAddress;
export const Server: Net["Server"] = loopbackNet.Server;
export const connect: Net["connect"] = loopbackNet.connect;
export const createConnection: Net["createConnection"] = loopbackNet.createConnection;
export const createServer: Net["createServer"] = loopbackNet.createServer;
export const isIP: Net["isIP"] = loopbackNet.isIP;
export const isIPv4: Net["isIPv4"] = loopbackNet.isIPv4;
export const isIPv6: Net["isIPv6"] = loopbackNet.isIPv6;
export const getDefaultAutoSelectFamily: Net["getDefaultAutoSelectFamily"] =
  loopbackNet.getDefaultAutoSelectFamily;
export const setDefaultAutoSelectFamily: Net["setDefaultAutoSelectFamily"] =
  loopbackNet.setDefaultAutoSelectFamily;
export const getDefaultAutoSelectFamilyAttemptTimeout: Net["getDefaultAutoSelectFamilyAttemptTimeout"] =
  loopbackNet.getDefaultAutoSelectFamilyAttemptTimeout;
export const setDefaultAutoSelectFamilyAttemptTimeout: Net["setDefaultAutoSelectFamilyAttemptTimeout"] =
  loopbackNet.setDefaultAutoSelectFamilyAttemptTimeout;
