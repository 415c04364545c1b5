/** mqtt with Mosquitto on the kernel: every quality of service, a retained and a large message, a last will. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import mqtt from "mqtt";
import { startMosquitto } from "../servers.mjs";

export default async function play(ground) {
  const server = await startMosquitto();
  const { host, port } = await ground.reach(server.port);
  const sockets = new Map();
  const connect = async (clientId, options = {}) => {
    const stream = () => {
      const socket = ground.net.connect(port, host);
      sockets.set(clientId, socket);
      return socket;
    };
    const client = new mqtt.MqttClient(stream, {
      clientId,
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...options,
    });
    await once(client, "connect");
    return client;
  };
  const will = { topic: "wills", payload: Buffer.from("gone"), qos: 1 };
  const publisher = await connect("publisher", { will });
  const subscriber = await connect("subscriber");
  const heard = [];
  subscriber.on("message", (topic, payload) => {
    heard.push({ topic, payload });
    subscriber.emit("heard");
  });
  const hear = async (count) => {
    while (heard.length < count) await once(subscriber, "heard");
    return heard.splice(0);
  };
  await publisher.publishAsync("kept", "retained", { retain: true, qos: 1 });
  await subscriber.subscribeAsync("#", { qos: 2 });
  const [kept] = await hear(1);
  // No more at a time than the server's receive maximum.
  for (let first = 0; first < 300; first += 15) {
    const numbers = Array.from({ length: 15 }, (_, i) => first + i);
    await Promise.all(numbers.map((i) => publisher.publishAsync("n", `${i}`, { qos: i % 3 })));
  }
  const answers = (await hear(300)).map(({ payload }) => Number(payload)).sort((a, b) => a - b);
  const large = randomBytes(2_000_000);
  await publisher.publishAsync("large", large, { qos: 2 });
  const [big] = await hear(1);
  sockets.get("publisher").resetAndDestroy();
  const [last] = await hear(1);
  await subscriber.endAsync();
  await server.close();
  return {
    kept: String(kept.payload),
    all: answers.every((n, i) => n === i),
    large: large.equals(big.payload),
    last: [last.topic, String(last.payload)],
  };
}
