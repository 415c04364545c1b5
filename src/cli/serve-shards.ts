/**
 * What `usertcp serve --queues N` puts around its shards: their services, the capture, the control socket, which stays in
 * this thread and asks them. The counterpart of serve-stack.ts.
 */
import { MessageChannel, type Worker } from "node:worker_threads";
import type { RunningShards } from "../driver/create-shards.ts";
import { captureToFile } from "./capture-file.ts";
import { failure, oneLine } from "./cli-error.ts";
import type { DialHandler } from "./connection-pump.ts";
import { RemoteConnection } from "./remote-connection.ts";
import type { ShardOrder, ShardReport } from "./serve-messages.ts";
import type { ServeOptions } from "./serve-options.ts";
import { openControl, type ServeContext, type Served, unwind } from "./serve-stack.ts";

/** Takes over `running`: if anything fails, that is closed as well. */
export async function serveShards(
  running: RunningShards,
  options: ServeOptions,
  context: ServeContext,
): Promise<Served> {
  const undo: (() => void | Promise<void>)[] = [() => running.close()];
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= unwind(undo);
    return closing;
  };
  try {
    if (options.pcap !== null) undo.push(await captureToFile(running, options.pcap, context.log));
    const death = running.closed.then((error) => {
      throw failure(`${running.device.name}: ${error === null ? "closed" : oneLine(error)}`);
    });
    // Later deaths are told by `closed`.
    death.catch(() => {});
    const reports = await Promise.race([Promise.all(running.workers.map(startServing)), death]);
    let turn = 0;
    const dialer = {
      snapshot: (wanted?: { info?: boolean }) => running.snapshot(wanted),
      connect: (to: { host: string; port: number }, handler: DialHandler) =>
        dialThrough(running.workers[turn++ % running.workers.length]!, to, handler),
    };
    const control = await openControl(running.device.name, dialer, options, context);
    undo.push(() => control.close());
    const { name: tun, mtu, offload } = running.device;
    const { stack, host, api, queues } = options;
    const { services, stack6 } = reports[0]!;
    return {
      ready: {
        ...{ tun, stack, stack6, services, control: control.path },
        ...{ pid: process.pid, host, mtu, offload, api, queues, steering: running.steering },
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Has a shard start its services; resolves with what it says of them. */
function startServing(worker: Worker): Promise<Extract<ShardReport, { type: "serving" }>> {
  return new Promise((resolve, reject) => {
    worker.once("message", (report: ShardReport) => {
      if (report.type === "serving") resolve(report);
      else reject(failure(report.message));
    });
    order(worker, { type: "serve" });
  });
}

/** Opens a connection through a shard, which chooses a port that makes it its own. */
function dialThrough(
  worker: Worker,
  { host, port }: { host: string; port: number },
  handler: DialHandler,
): RemoteConnection {
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ type: "dial", host, port, over: port2 } satisfies ShardOrder, [port2]);
  return new RemoteConnection(port1, handler);
}

function order(worker: Worker, message: ShardOrder): void {
  worker.postMessage(message);
}
