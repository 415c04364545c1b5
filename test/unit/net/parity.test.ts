import { createNet } from "../../../src/net/net.ts";
import { LoopStack } from "./loop-stack.ts";
import { describeStories } from "./stories.ts";

describeStories("on a perfect network", () => {
  const net = createNet(new LoopStack());
  return { server: net, client: net, host: "10.77.0.2", close: () => {} };
});
