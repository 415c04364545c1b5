/** A program of ioredis that knows nothing of usertcp. */
import { Redis } from "ioredis";

const [host] = process.argv.slice(2);
const redis = new Redis({ host });
await redis.set("greeting", "hello");
const [, address] = / addr=([\d.]+):/.exec(await redis.client("LIST"));
console.log(JSON.stringify({ address, greeting: await redis.get("greeting") }));
await redis.quit();
