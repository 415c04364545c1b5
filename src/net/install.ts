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
  else patchNet(routerOf(defaultStack, environment["USERTCP_ROUTES"] ?? defaultAddresses().join()));
}

/** Sends what `routes` (prefixes with commas between, or `all`) name to `stack`, and the rest to the kernel. */
export function routerOf(stack: NetStack, routes: string): NetRouter {
  if (routes === "all") return { stack, connects: () => true, listens: () => "stack" };
  const prefixes = routes
    .split(",")
    .filter((text) => text.trim() !== "")
    .map((text) => {
      const prefix = parsePrefix(text.trim());
      if (prefix !== null) return prefix;
      throw new ArgumentError("USERTCP_ROUTES", "prefixes such as 10.77.0.0/24,fd77::/64, or all", text);
    });
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

function isIn(prefixes: readonly Prefix[], address: string): boolean {
  const key = parseIpv4Address(address);
  const words = key === null ? parseIpv6Address(address) : Int32Array.of(key);
  if (words === null) return false;
  const family = key === null ? 6 : 4;
  return prefixes.some((prefix) => prefix.family === family && matchesPrefix(prefix, words));
}
