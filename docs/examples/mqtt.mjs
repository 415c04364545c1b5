// mqtt over usertcp. Once `npm run examples:install`; as root, with a broker such as Mosquitto that listens on the kernel's
// 10.77.0.1: `node docs/examples/mqtt.mjs [HOST]`.
import mqtt from "mqtt";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const client = new mqtt.MqttClient(() => net.connect(1883, process.argv[2] ?? "10.77.0.1"), {});
client.on("message", async (topic, payload) => {
  console.log(`${topic}: ${payload}`);
  await client.endAsync();
  await stack.close();
});
await client.subscribeAsync("greetings");
await client.publishAsync("greetings", "hello", { qos: 1 });
