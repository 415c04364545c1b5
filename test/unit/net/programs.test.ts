import { createNet } from "../../../src/net/net.ts";
import { LoopStack } from "./loop-stack.ts";
import { describePrograms } from "./programs.ts";

describePrograms("on a perfect network", () => {
  const net = createNet(new LoopStack());
  return { server: net, client: net, host: "10.77.0.2", close: () => {} };
});
