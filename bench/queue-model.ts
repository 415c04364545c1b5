/**
 * What more cores would do, computed from the rows of the suite `queues` measured here (docs/many-queues.md has the reasoning
 * and the assumptions). Pure arithmetic.
 */
import { PRIMARY, type Row } from "./row.ts";

/** What one byte or transaction of a workload costs. Times in seconds of one core. */
export interface UnitCost {
  /** The stack's process, the kernel's work inside its calls included. */
  readonly stack: number;
  /** The client's process, the kernel's side of it included. */
  readonly client: number;
  /** Packets to the stack. */
  readonly packets: number;
  /** Handing one of them over, both threads together. */
  readonly handOver: number;
  /** Bytes moved through memory. */
  readonly memory: number;
}

/** What there is to spend. */
export interface Resources {
  /** Cores with a shard each. */
  readonly shards: number;
  /** Cores for the client; Infinity where it is elsewhere. */
  readonly clientCores: number;
  /** Bytes a second to and from memory, all cores together. */
  readonly bandwidth: number;
}

/** Units a second, when a share (0 to 1) of the packets is handed over: as much as the scarcest resource allows. */
export function throughput(cost: UnitCost, resources: Resources, handedOver: number): number {
  const { shards, clientCores, bandwidth } = resources;
  const stack = shards / (cost.stack + handedOver * cost.packets * cost.handOver);
  const client = cost.client > 0 ? clientCores / cost.client : Number.POSITIVE_INFINITY;
  const memory = cost.memory > 0 ? bandwidth / cost.memory : Number.POSITIVE_INFINITY;
  return Math.min(stack, client, memory);
}

/** The share of packets that come in elsewhere when nothing steers them: all queues are alike. */
export function unsteered(shards: number): number {
  return (shards - 1) / shards;
}

/** Machines: cores, and the bandwidth of their memory in bytes a second (2, 4 and 12 channels, about half of what they are sold with). */
const MACHINES = [
  [2, 20e9],
  [8, 50e9],
  [64, 250e9],
] as const;
/** From seconds to the cost's unit of a row, and from units a second to its value. */
const SCALES: Readonly<Record<string, { cpu: number; value: number; unit: string; memory: number }>> = {
  // Each byte is written once and read once by either copy (kernel to slab, application or pieces to kernel).
  up: { cpu: 1e-9, value: 8e-9, unit: "Gbit/s", memory: 4 },
  down: { cpu: 1e-9, value: 8e-9, unit: "Gbit/s", memory: 4 },
  rr64: { cpu: 1e-6, value: 1, unit: "transactions/s", memory: 0 },
  crr: { cpu: 1e-6, value: 1, unit: "connections/s", memory: 0 },
};

/** The model's table as text; of the workloads that one queue was measured for. */
export function modelTable(rows: readonly Row[]): string {
  const lines = [
    "Model: stack alone, as many shards as cores, the client elsewhere; steered (bpf), and with every packet that can be handed over",
    ["workload", ...MACHINES.flatMap(([cores]) => [`${cores} cores`, `${cores} unsteered`]), "unit"].join(
      "\t",
    ),
  ];
  for (const [workload, { value, unit }] of Object.entries(SCALES)) {
    const cost = costOf(rows, workload);
    if (cost === null) continue;
    const cells = MACHINES.flatMap(([cores, bandwidth]) =>
      [0, unsteered(cores)].map((share) => {
        const units = throughput(
          cost,
          { shards: cores, clientCores: Number.POSITIVE_INFINITY, bandwidth },
          share,
        );
        return Number((units * value).toPrecision(3)).toLocaleString("en");
      }),
    );
    lines.push([workload, ...cells, unit].join("\t"));
  }
  return `${lines.join("\n")}\n`;
}

/** From the row of one queue; null where it was not measured. */
function costOf(rows: readonly Row[], workload: string): UnitCost | null {
  const find = (name: string): Row | undefined =>
    rows.find(
      ({ workload: of, target, metric }) => of === name && target === "usertcp" && metric === PRIMARY,
    );
  const row = find(workload);
  const scale = SCALES[workload]!;
  if (row?.cpuPerUnit == null) return null;
  const isBulk = workload === "up" || workload === "down";
  // What comes in of `down` are ACKs.
  const size = workload === "up" ? 65_535 : 64;
  return {
    stack: row.cpuPerUnit * scale.cpu,
    client: Number(row.notes["clientCpuPerUnit"] ?? 0),
    packets: Number(row.notes["packetsPerUnit"] ?? 0),
    handOver: (find(`hand-over-${size}`)?.value ?? 0) * 1e-9,
    memory: isBulk ? scale.memory : 0,
  };
}
