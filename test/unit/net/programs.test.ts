import { createNet, duplexNet } from "../../../src/net/net.ts";
import { LoopStack } from "./loop-stack.ts";
import { describePrograms } from "./programs.ts";

for (const [way, make] of [
  ["the real classes", createNet],
  ["stream.Duplex", duplexNet as unknown as typeof createNet],
] as const) {
  describePrograms(`on a perfect network, by ${way}`, () => {
    const net = make(new LoopStack());
    return { server: net, client: net, host: "10.77.0.2", close: () => {} };
  });
}
