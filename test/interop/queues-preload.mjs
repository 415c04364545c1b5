// Preloaded into `usertcp serve` by test/interop/queues.test.ts: the second shard dies of an exception when it is told to, from
// outside, as a bug of an application's would kill it.
import { existsSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";

const file = process.env.USERTCP_TEST_DIE;
if (!isMainThread && workerData?.usertcpShard?.index === 1 && file !== undefined) {
  setInterval(() => {
    if (existsSync(file)) throw new Error("told to die");
  }, 50).unref();
}
