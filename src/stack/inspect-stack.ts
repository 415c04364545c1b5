/** Everything about a stack at one moment: what `ss`, `netstat` and the control socket show. */
import { formatAddress, formatPrefix } from "../base/address.ts";
import { MS } from "../base/time.ts";
import { RETRIES } from "../tcp/half-open.ts";
import { KIND_SYN_RECEIVED, KIND_TCB, KIND_TIME_WAIT, RECORD } from "./flow-table.ts";
import type { SocketRow, StackSnapshot } from "./inspect.ts";
import { tcbRow } from "./inspect-tcb.ts";
import type { Stack } from "./stack.ts";

/** Listeners, then connections, half-open ones and TIME-WAIT. */
export function snapshot(stack: Stack, info: boolean): StackSnapshot {
  const sockets: SocketRow[] = [];
  for (const listener of stack.listeners.all) {
    sockets.push({
      id: -listener.id,
      family: listener.family,
      state: "LISTEN",
      localAddress: listener.address,
      localPort: listener.port,
      remoteAddress: listener.family === 4 ? "0.0.0.0" : "::",
      remotePort: 0,
      recvQ: listener.acceptQueue.length,
      sendQ: listener.backlog,
      timer: null,
      info: null,
      listener: listener.stats(),
      ...(listener.v6Only ? { v6Only: true } : {}),
    });
  }
  const { flows } = stack;
  flows.forEachSlot(KIND_TCB, (slot) => {
    const tcb = stack.tcbs[slot];
    if (tcb) sockets.push(tcbRow(tcb, stack, info));
  });
  flows.forEachSlot(KIND_SYN_RECEIVED, (slot) => sockets.push(compactRow(stack, slot, "SYN-RECEIVED")));
  flows.forEachSlot(KIND_TIME_WAIT, (slot) => sockets.push(compactRow(stack, slot, "TIME-WAIT")));
  return {
    now: stack.now,
    interfaces: stack.interfaces.all.map((link) => ({
      name: link.name,
      mtu: link.mtu,
      addresses: link.addresses.map(formatPrefix),
    })),
    sockets,
    counters: { ...stack.ip, ...stack.ip6, ...stack.counters },
    drops: stack.drops.toObject(),
  };
}

function compactRow(stack: Stack, slot: number, state: "SYN-RECEIVED" | "TIME-WAIT"): SocketRow {
  const { flows } = stack;
  const expiresMs = Math.max(0, Math.ceil((stack.wheel.deadlineOf(slot) - stack.now) / MS));
  const half = state === "SYN-RECEIVED";
  return {
    id: slot,
    family: flows.family(slot),
    state,
    localAddress: formatAddress(flows.family(slot), flows.local(slot), stack.addresses),
    localPort: flows.localPort(slot),
    remoteAddress: formatAddress(flows.family(slot), flows.remote(slot), stack.addresses),
    remotePort: flows.remotePort(slot),
    recvQ: 0,
    sendQ: 0,
    timer: {
      name: half ? "on" : "timewait",
      expiresMs,
      retransmits: half ? Math.max(0, flows.record[slot * RECORD + RETRIES]!) : 0,
    },
    info: null,
    listener: null,
  };
}
