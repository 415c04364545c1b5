/**
 * How long a smaller path MTU is believed: ten minutes after the last news of it the larger one is tried again (RFC 1191 6.3,
 * RFC 8201 5.3), because the path may have changed. Linux: net.ipv4.route.mtu_expires = 600.
 */
import { type Micros, SECOND } from "../base/time.ts";
import { updateMss } from "../tcp/calls.ts";
import type { Tcb } from "../tcp/tcb.ts";
import type { StackPath } from "./path-cache.ts";
import type { Stack } from "./stack.ts";

const AGE: Micros = 600 * SECOND;

/** Notes that the path of `tcb` takes no more than `mtu`; 0: that what was learned may be wrong. */
export function suspectPath(stack: Stack, tcb: Tcb, mtu: number): void {
  const { paths } = stack.interfaces;
  if (mtu === 0) {
    paths.forget(tcb.family, tcb.remote);
    return;
  }
  const path = paths.learn(tcb.family, tcb.remote, (tcb.path as StackPath).link, mtu);
  path.expiresAt = stack.now + AGE;
  tcb.path = path;
}

/** The MTU of the path of `tcb` is too old to be believed: what others have learned since holds, else the interface's. */
export function renewPath(stack: Stack, tcb: Tcb): void {
  const old = tcb.path as StackPath;
  const { family, remote } = tcb;
  const { interfaces } = stack;
  if (interfaces.pathTo(family, remote, old.link) === old) interfaces.paths.forget(family, remote);
  tcb.path = interfaces.pathTo(family, remote, old.link);
  if (tcb.synAcked) updateMss(tcb, stack);
}
