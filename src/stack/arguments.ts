/** Arguments at the stack's edge: what is wrong with one is said by an `ArgumentError` that names it. */
import { parseIpv4Address } from "../base/address.ts";
import { ArgumentError } from "../base/errors.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { CONGESTION_CONTROLS, type CongestionName, isCongestionName } from "../tcp/congestion/congestion.ts";

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

/** The name of a congestion control, or nothing. */
export function congestionArgument(name: CongestionName | undefined): CongestionName | undefined {
  if (name === undefined || isCongestionName(name)) return name;
  const names = Object.keys(CONGESTION_CONTROLS).join(", ");
  throw new ArgumentError("congestion", `one of ${names}`, name);
}

/** Checks what of a stack's settings is a name. */
export function checkConfig(config: TcpConfig): TcpConfig {
  congestionArgument(config.congestion);
  return config;
}
