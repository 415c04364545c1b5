/**
 * Where a scenario plays: our net on one side and the kernel's on the other, over a TUN device or over a stack that
 * lives in this process. There, relays carry bytes between our addresses and the kernel's, so that the same real
 * counterparts take part.
 */
import { once } from "node:events";
import kernel from "node:net";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

export const KERNEL = "10.77.0.1";
export const STACK = "10.77.0.2";

const GROUNDS = { tun, loopback };

/** By its name: "tun" or "loopback". */
export function openGround(kind) {
  return GROUNDS[kind]();
}

function tun() {
  const stack = createStack({ tun: { addresses: [`${KERNEL}/24`] }, addresses: [`${STACK}/24`] });
  return {
    /** Ours, and where our servers listen. */
    net: createNet(stack),
    host: STACK,
    /** The counterpart's, and where its servers listen. */
    peer: kernel,
    peerHost: KERNEL,
    /** Where a program on the kernel's side reaches our server on `port`. */
    expose: async (port) => ({ host: STACK, port }),
    /** Where our client reaches a server on the kernel's side. */
    reach: async (port) => ({ host: KERNEL, port }),
    close: () => stack.close(),
  };
}

async function loopback() {
  const { default: net, stack } = await import("usertcp/loopback");
  const relays = [];
  const host = "127.0.0.1";
  async function relay(from, to, port) {
    const server = from.createServer({ allowHalfOpen: true }, (near) => {
      const far = to.connect({ port, host, allowHalfOpen: true });
      near.pipe(far).pipe(near);
      near.on("error", () => far.destroy()).on("close", () => far.destroy());
      far.on("error", () => near.destroy()).on("close", () => near.destroy());
    });
    await once(server.listen(0, host), "listening");
    relays.push(server);
    return { host, port: server.address().port };
  }
  return {
    net,
    host,
    peer: net,
    peerHost: host,
    expose: (port) => relay(kernel, net, port),
    reach: (port) => relay(net, kernel, port),
    async close() {
      for (const server of relays) server.close();
      await stack.close();
    },
  };
}
