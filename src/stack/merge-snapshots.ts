/** The snapshots of the shards of one stack as one: what `ss` and `netstat` show of them. Pure. */
import type { ListenerStats, SocketRow, StackSnapshot } from "./inspect.ts";

/**
 * One snapshot of all, in the order of the shards. Connections keep apart by `id` (number of the shard + shards * id); a place
 * to listen that several shards have is one row, whose queues and counters are the sums.
 */
export function mergeSnapshots(snapshots: readonly StackSnapshot[]): StackSnapshot {
  const [first] = snapshots;
  if (first === undefined) throw new RangeError("at least one snapshot needed");
  const listeners = new Map<string, SocketRow>();
  const connections: SocketRow[] = [];
  snapshots.forEach((snapshot, shard) => {
    for (const row of snapshot.sockets) {
      if (row.listener !== null) addListener(listeners, row);
      else connections.push({ ...row, id: shard + snapshots.length * row.id });
    }
  });
  return {
    now: first.now,
    interfaces: first.interfaces,
    sockets: [...listeners.values(), ...connections],
    counters: sums(snapshots.map(({ counters }) => counters)),
    drops: sums(snapshots.map(({ drops }) => drops)),
  };
}

function addListener(listeners: Map<string, SocketRow>, row: SocketRow): void {
  const { family, localAddress, localPort, v6Only } = row;
  const place = `${family} ${localAddress} ${localPort} ${v6Only ?? false}`;
  const other = listeners.get(place);
  listeners.set(
    place,
    other === undefined
      ? row
      : {
          ...other,
          recvQ: other.recvQ + row.recvQ,
          sendQ: other.sendQ + row.sendQ,
          listener: sums([other.listener!, row.listener!]),
        },
  );
}

function sums(objects: readonly ListenerStats[]): ListenerStats;
function sums(objects: readonly Record<string, number>[]): Record<string, number>;
function sums(objects: readonly object[]): object {
  const total: Record<string, number> = {};
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) total[name] = (total[name] ?? 0) + Number(value);
  }
  return total;
}
