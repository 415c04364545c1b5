/** The namespace's TCP sockets, as /proc/net/tcp lists them: TIME-WAIT and half-open ones, too. */
import type { KernelProcess } from "./kernel-process.ts";

export interface SocketRow {
  readonly localPort: number;
  readonly remotePort: number;
  /** include/net/tcp_states.h. */
  readonly state: number;
  readonly isListening: boolean;
}

export const SYN_SENT = 2;
export const TIME_WAIT = 6;
const LISTEN = 10;

export async function socketTable(kernel: KernelProcess): Promise<SocketRow[]> {
  const rows: SocketRow[] = [];
  for (const name of ["tcp", "tcp6"]) {
    const text = await kernel.get(`/proc/thread-self/net/${name}`);
    for (const line of text.split("\n")) {
      const found = /^ *\d+: \w+:(\w{4}) \w+:(\w{4}) (\w\w) /.exec(line);
      if (found === null) continue;
      const [localPort, remotePort, state] = found.slice(1).map((field) => Number.parseInt(field, 16));
      rows.push({
        localPort: localPort!,
        remotePort: remotePort!,
        state: state!,
        isListening: state === LISTEN,
      });
    }
  }
  return rows;
}
