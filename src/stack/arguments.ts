/** Arguments at the stack's edge: what is wrong with one is said by an `ArgumentError` that names it. */
import { isMappedV4, type Prefix, parsePrefix } from "../base/address.ts";
import { ArgumentError } from "../base/errors.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { CONGESTION_CONTROLS, type CongestionName, isCongestionName } from "../tcp/congestion/congestion.ts";

/** Checks a port number. */
export function checkPort(name: string, port: number, least: number): void {
  if (!Number.isInteger(port) || port < least || port > 65_535) {
    throw new ArgumentError(name, `a port number from ${least} to 65535`, port, "ERR_SOCKET_BAD_PORT");
  }
}

/** An IP address as a prefix of its own. */
export function addressArgument(name: string, text: string): Prefix {
  const prefix = typeof text === "string" && !text.includes("/") ? prefixOf(text) : null;
  if (prefix === null) {
    throw new ArgumentError(
      name,
      "an IP address such as 10.77.0.2 or fd77::2",
      text,
      "ERR_INVALID_IP_ADDRESS",
    );
  }
  return prefix;
}

/** A prefix of either family; an IPv4 address in IPv6's notation, ::ffff:10.77.0.2, is IPv4 (RFC 4291 2.5.5.2). Null when malformed. */
export function prefixOf(text: string): Prefix | null {
  const prefix = parsePrefix(text);
  if (prefix === null || prefix.family === 4 || !isMappedV4(prefix.words, 0) || prefix.bits < 96)
    return prefix;
  return { family: 4, words: prefix.words.slice(3), bits: prefix.bits - 96 };
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
  if (!["off", "passive", "on"].includes(config.ecn)) {
    throw new ArgumentError("ecn", "one of off, passive, on", config.ecn);
  }
  return config;
}
