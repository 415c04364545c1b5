/**
 * The suite `queues`: what the stack's own counters say of a run, and what the model of many queues starts from
 * (queue-model.ts).
 */
import { runIn } from "./namespace.ts";
import { CLI } from "./paths.ts";
import type { RunningTarget } from "./target.ts";

/** Packets received, and handed over between shards. */
export interface PacketCounts {
  readonly packetsIn: number;
  readonly handedOver: number;
}

export const NO_PACKETS: PacketCounts = { packetsIn: 0, handedOver: 0 };

/** Those of a target so far, by `usertcp netstat -s`. */
export function packetCounts({ control, serverNamespace }: RunningTarget): PacketCounts {
  if (control === undefined) return NO_PACKETS;
  const shown = runIn(
    serverNamespace,
    process.execPath,
    CLI,
    "netstat",
    "-s",
    "--json",
    "--control",
    control,
  );
  const { counters } = JSON.parse(shown) as { counters: Record<string, number> };
  const { InReceives = 0, Ip6InReceives = 0, HandedOver = 0 } = counters;
  return { packetsIn: InReceives + Ip6InReceives, handedOver: HandedOver };
}

/** Packets, hand-overs and the client's CPU seconds for each byte or transaction. */
export function perUnit(
  samples: readonly (PacketCounts & { readonly total: number; readonly cpuSeconds: number })[],
): Record<string, number> {
  const sum = (of: (sample: (typeof samples)[number]) => number): number =>
    samples.reduce((all, sample) => all + of(sample), 0);
  const total = sum((sample) => sample.total);
  return {
    packetsPerUnit: sum((sample) => sample.packetsIn) / total,
    handedOverPerUnit: sum((sample) => sample.handedOver) / total,
    clientCpuPerUnit: sum((sample) => sample.cpuSeconds) / total,
  };
}
