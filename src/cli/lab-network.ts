/**
 * The lab's network: a TUN device in the private namespace that this process is in, or, where TUN can't be had, two
 * stacks in memory, back to back. Says which, and why.
 */
import { connect as kernelConnect } from "node:net";
import { loadAddon } from "../device/addon.ts";
import { createPipe } from "../device/pipe.ts";
import type { RunningStack } from "../driver/create-stack.ts";
import { createStack } from "../driver/create-stack.ts";
import { createNet } from "../net.ts";
import type { OpenSocket } from "./lab-proof.ts";
import type { ServeOptions } from "./serve-options.ts";
import { bringUpQueues, type RunningQueues } from "./serve-queues.ts";

/** What the lab runs on. */
export interface LabNetwork {
  device: "tun" | "memory";
  /** The stack that serves. */
  running: RunningQueues;
  /** The TCP on the other side. */
  open: OpenSocket;
  /** The stack on the other side, where that is one of ours. */
  client: RunningStack | null;
}

/** On TUN, in the namespace that this process is in. */
export async function tunNetwork(options: ServeOptions): Promise<LabNetwork> {
  const running = await bringUpQueues(options);
  // A fresh namespace has its loopback down, and "localhost" is what programs try first.
  loadAddon().linkSet("lo", 0, 0, true);
  return { device: "tun", running, open: (host, port) => kernelConnect({ host, port }), client: null };
}

/** In memory: no kernel, no privilege. */
export function memoryNetwork(options: ServeOptions): LabNetwork {
  // Deliveries wait for a turn of the event loop: in microtasks two busy stacks would starve it.
  const [near, far] = createPipe({
    mtu: options.mtu,
    offload: options.offload,
    schedule: (deliver) => setImmediate(deliver),
  });
  const { v6 } = options;
  const running = createStack({
    device: near,
    addresses: [
      `${options.stack}/${options.prefixLength}`,
      ...(v6 === null ? [] : [`${v6.stack}/${v6.prefixLength}`]),
    ],
    tcp: { congestion: options.congestion },
  });
  const client = createStack({
    device: far,
    addresses: v6 === null ? [options.host] : [options.host, v6.host],
  });
  const net = createNet(client);
  return { device: "memory", running, client, open: (host, port) => net.connect({ host, port }) };
}
