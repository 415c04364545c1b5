/** Arguments at the stack's edge: what is wrong with one is said by an `ArgumentError` that names it. */
import { parseIpv4Address } from "../base/address.ts";
import { ArgumentError } from "../base/errors.ts";

/** Checks a port number. */
export function checkPort(name: string, port: number, least: number): void {
  if (!Number.isInteger(port) || port < least || port > 65_535) {
    throw new ArgumentError(name, `a port number from ${least} to 65535`, port, "ERR_SOCKET_BAD_PORT");
  }
}

/** The key of an IPv4 address. */
export function addressArgument(name: string, text: string): number {
  const key = typeof text === "string" ? parseIpv4Address(text) : null;
  if (key === null)
    throw new ArgumentError(name, "an IPv4 address such as 10.77.0.2", text, "ERR_INVALID_IP_ADDRESS");
  return key;
}
