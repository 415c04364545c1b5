/**
 * What `usertcp/install` does to a program that cannot be changed: the real node:net asks for each address whether it is
 * the stack's or the kernel's. The environment says which stack:
 *
 * - USERTCP_TUN: the TUN device, by default the first free one
 * - USERTCP_HOST: the kernel's addresses on it, by default 10.77.0.1/24,fd77::1/64, or those that a named device has
 * - USERTCP_STACK: its addresses, by default 10.77.0.2/24,fd77::2/64; or `loopback`: a stack inside the process
 * - USERTCP_ROUTES: the prefixes that are the stack's, by default those of its addresses; `all` for every address
 */
import {
  isMappedV4,
  matchesPrefix,
  type Prefix,
  parseIpv4Address,
  parseIpv6Address,
  parsePrefix,
} from "../base/address.ts";
import { ArgumentError } from "../base/errors.ts";
import type { NetStack } from "./arguments.ts";
import { defaultAddresses, defaultStack } from "./default-stack.ts";
import { loopbackRouter } from "./loopback.ts";
import type { NetRouter } from "./methods.ts";
import { patchNet } from "./patch.ts";

let isInstalled = false;

/** Patches node:net, once. Throws `ArgumentError` for an environment that makes no sense. */
export function install(environment: NodeJS.ProcessEnv = process.env): void {
  if (isInstalled) return;
  isInstalled = true;
  if (environment["USERTCP_STACK"] === "loopback") patchNet(loopbackRouter);
  else patchNet(routerIn(environment));
}

/** The router that the environment asks for; a variable that is empty is as one that is not set. */
function routerIn(environment: NodeJS.ProcessEnv): NetRouter {
  const own = routerOf(defaultStack, defaultAddresses().join(), "USERTCP_STACK");
  const routes = environment["USERTCP_ROUTES"];
  return routes ? routerOf(defaultStack, routes) : own;
}

/**
 * Sends what `routes` (prefixes of either family with commas between, or `all`) name to `stack`, and the rest to the kernel.
 * Throws `ArgumentError` with the name of the variable.
 */
export function routerOf(stack: NetStack, routes: string, variable = "USERTCP_ROUTES"): NetRouter {
  if (routes === "all") return { stack, connects: () => true, listens: () => "stack" };
  const prefixes = routes
    .split(",")
    .filter((text) => text.trim() !== "")
    .map((text) => {
      const prefix = parsePrefix(text.trim());
      if (prefix !== null) return prefix;
      throw new ArgumentError(variable, TAKES[variable]!, text.trim());
    });
  if (prefixes.length === 0) throw new ArgumentError(variable, TAKES[variable]!, routes);
  const connects = (address: string): boolean => isIn(prefixes, address);
  return {
    stack,
    connects,
    listens(address) {
      if (address === null || address === "0.0.0.0" || address === "::") return "both";
      return connects(address) ? "stack" : "kernel";
    },
  };
}

const TAKES: Record<string, string> = {
  USERTCP_ROUTES: "prefixes such as 10.77.0.0/24,fd77::/64, or all",
  USERTCP_STACK: "addresses with their prefixes, such as 10.77.0.2/24,fd77::2/64, or loopback",
};

function isIn(prefixes: readonly Prefix[], address: string): boolean {
  let key = parseIpv4Address(address);
  let words = key === null ? parseIpv6Address(address) : Int32Array.of(key);
  if (words === null) return false;
  // ::ffff:10.77.0.9 is IPv4 (RFC 4291 2.5.5.2).
  if (key === null && isMappedV4(words, 0)) {
    key = words[3]!;
    words = Int32Array.of(key);
  }
  const family = key === null ? 6 : 4;
  return prefixes.some((prefix) => prefix.family === family && matchesPrefix(prefix, words));
}
