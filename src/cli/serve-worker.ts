/** A worker of `usertcp serve --queues N`: one shard with every service on it. Started by `bringUpShards`, never by hand. */
import { parentPort } from "node:worker_threads";
import { joinShard } from "../driver/join-shard.ts";
import { oneLine } from "./cli-error.ts";
import { dial } from "./dial-shard.ts";
import type { ShardOrder, ShardReport } from "./serve-messages.ts";
import type { ServeOptions } from "./serve-options.ts";
import { stack6Of, startServices } from "./serve-stack.ts";

const shard = await joinShard();
const options = shard.workerData as ServeOptions;
const tell = (report: ShardReport): void => parentPort!.postMessage(report);
parentPort!.on("message", (order: ShardOrder) => {
  if (order.type === "dial") {
    dial(shard, order.host, order.port, order.over);
    return;
  }
  startServices(shard, options, () => shard.snapshotAll()).then(
    ({ started }) => tell({ type: "serving", services: started, stack6: stack6Of(shard, options) }),
    (error: unknown) => tell({ type: "refused", message: oneLine(error) }),
  );
});
