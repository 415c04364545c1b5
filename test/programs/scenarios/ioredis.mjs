/** ioredis with a Redis server on the kernel: a pipeline, a transaction, publish and subscribe, and reconnecting. */
import { once } from "node:events";
import { AbstractConnector, Redis } from "ioredis";
import { startRedis } from "../servers.mjs";

export default async function play(ground) {
  let server = await startRedis();
  const { host, port } = await ground.reach(server.port);
  class Connector extends AbstractConnector {
    constructor() {
      super(1_000);
    }
    async connect() {
      this.connecting = true;
      this.stream = ground.net.connect(port, host);
      return this.stream;
    }
  }
  const options = { Connector, retryStrategy: () => 50 };
  const redis = new Redis(options);
  redis.on("error", () => {});
  const pipeline = redis.pipeline();
  for (let i = 0; i < 10_000; i++) pipeline.set(`key ${i}`, i);
  const set = (await pipeline.exec()).filter(([error, answer]) => error === null && answer === "OK").length;
  const values = await redis.mget(Array.from({ length: 10_000 }, (_, i) => `key ${i}`));
  const large = Buffer.alloc(5_000_000, 9);
  await redis.set("large", large);
  const back = await redis.getBuffer("large");
  const transaction = await redis.multi().incr("n").incr("n").exec();

  const subscriber = new Redis(options);
  subscriber.on("error", () => {});
  await subscriber.subscribe("news");
  const heard = once(subscriber, "message");
  await redis.publish("news", "hello");
  const message = await heard;

  const lost = once(redis, "close");
  await server.close();
  await lost;
  server = await startRedis(server.port);
  await redis.set("after", "restart");
  const after = await redis.get("after");
  subscriber.disconnect();
  await redis.quit();
  await server.close();
  return {
    set,
    values: values.every((value, i) => value === String(i)),
    large: large.equals(back),
    transaction: transaction.map(([, n]) => n),
    message,
    after,
  };
}
