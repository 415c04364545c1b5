/** Programs of node:net on two of our stacks, joined in memory: with offload, without, and on one stack alone. */
import { createPipe } from "../../src/device/pipe.ts";
import { createStack } from "../../src/driver/create-stack.ts";
import { createNet } from "../../src/net/net.ts";
import { describePrograms, type Pair } from "../unit/net/programs.ts";
import { describeStories } from "../unit/net/stories.ts";

function join(offload: boolean): Pair {
  const [a, b] = createPipe({ offload, schedule: setImmediate });
  const server = createStack({ device: a, addresses: ["10.77.0.2/24"] });
  const client = createStack({ device: b, addresses: ["10.77.0.1/24"] });
  return {
    server: createNet(server),
    client: createNet(client),
    host: "10.77.0.2",
    close: async () => {
      await client.close();
      await server.close();
    },
  };
}

describePrograms("over two stacks, packet by packet", () => join(false));
describePrograms("over two stacks, with offload", () => join(true));
describePrograms("on one stack, to its own address", () => {
  const [device] = createPipe();
  const stack = createStack({ device, addresses: ["10.77.0.2/24"] });
  const net = createNet(stack);
  return { server: net, client: net, host: "10.77.0.2", close: () => stack.close() };
});

describeStories("over two stacks", () => join(true));
