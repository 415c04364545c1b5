// ioredis over usertcp. Once `npm run examples:install`; as root, with a Redis server that listens on the kernel's
// 10.77.0.1: `node docs/examples/ioredis.mjs [HOST]`.
import { AbstractConnector, Redis } from "ioredis";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

class Connector extends AbstractConnector {
  constructor({ host, port, disconnectTimeout }) {
    super(disconnectTimeout);
    this.target = { host, port };
  }
  async connect() {
    this.connecting = true;
    this.stream = net.connect(this.target);
    return this.stream;
  }
}

const redis = new Redis({ host: process.argv[2] ?? "10.77.0.1", port: 6379, Connector });
await redis.set("greeting", "hello");
console.log(await redis.get("greeting"), /redis_version:(.*)\r/.exec(await redis.info("server"))[1]);
await redis.quit();
await stack.close();
