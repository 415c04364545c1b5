/**
 * A flow's slot together with what it holds: its local port, and the ids of its IPv6 addresses.
 */
import type { FlowKind } from "./flow-table.ts";
import type { Stack } from "./stack.ts";

/** A slot for a flow that has none, -1 when the table is full. Scratch keys of addresses become lasting ones: ask the slot for them. */
export function insertFlow(
  stack: Stack,
  family: number,
  local: number,
  remote: number,
  localPort: number,
  remotePort: number,
  kind: FlowKind,
): number {
  const { addresses, flows, portUse } = stack;
  if (flows.isFull) return -1;
  portUse.hold(localPort);
  if (family === 4) return flows.insert(4, local, remote, localPort, remotePort, kind);
  return flows.insert(6, addresses.hold(local), addresses.hold(remote), localPort, remotePort, kind);
}

/** Takes a flow out of the table. */
export function forgetFlow(stack: Stack, slot: number): void {
  const { addresses, flows, portUse, wheel } = stack;
  wheel.cancel(slot);
  portUse.letGo(flows.localPort(slot));
  if (flows.family(slot) === 6) {
    addresses.release(flows.local(slot));
    addresses.release(flows.remote(slot));
  }
  flows.remove(slot);
}
