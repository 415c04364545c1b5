/** What bind(2) says of an address, asked of a stack. */
import { ERRNO, NetworkError } from "../base/errors.ts";
import type { NetStack } from "./arguments.ts";

/** 0, or a negative errno: the stack does not have the address. */
export function checkLocal(stack: NetStack, address: string): number {
  try {
    stack.listen({ host: address, port: 0 }, {}).close();
    return 0;
  } catch (error) {
    return error instanceof NetworkError ? error.errno : -ERRNO.EINVAL;
  }
}

/** 0.0.0.0 or ::. */
export function isAny(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
