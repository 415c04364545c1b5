/** A program of mqtt that knows nothing of usertcp. */
import mqtt from "mqtt";

const [host] = process.argv.slice(2);
const client = await mqtt.connectAsync(`mqtt://${host}`);
await client.subscribeAsync("news");
client.on("message", (_topic, payload) => {
  const { remoteAddress, localAddress } = client.stream;
  console.log(JSON.stringify({ remoteAddress, localAddress, payload: String(payload) }));
  client.end();
});
await client.publishAsync("news", "hello", { qos: 2 });
