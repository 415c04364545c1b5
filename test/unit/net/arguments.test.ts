/** What node:net refuses, we refuse with the same class, code and words: each case runs on both. */
import nodeNet from "node:net";
import { describe, expect, it } from "vitest";
import { duplexNet } from "../../../src/net/net.ts";
import { FakeStack } from "./fake-stack.ts";

type AnyNet = typeof nodeNet;
const ours = duplexNet(new FakeStack()) as unknown as AnyNet;

function thrown(attempt: () => unknown): { code?: string; text: string; base: string } {
  try {
    attempt();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const base =
      error instanceof TypeError ? "TypeError" : error instanceof RangeError ? "RangeError" : "Error";
    return { ...(code === undefined ? {} : { code }), text: String(error), base };
  }
  throw new Error("nothing was thrown");
}

const REFUSED: [string, (net: AnyNet) => unknown][] = [
  ["connect({port: 70000})", (net) => net.connect({ port: 70_000 })],
  ["connect({port: 'x'})", (net) => net.connect({ port: "x" as never })],
  ["connect({port: ''})", (net) => net.connect({ port: "" as never })],
  ["connect({port: 1.5})", (net) => net.connect({ port: 1.5 })],
  ["connect({port: -1})", (net) => net.connect({ port: -1 })],
  ["connect({})", (net) => net.connect({} as never)],
  ["connect()", (net) => (net.connect as unknown as () => void)()],
  ["connect({localAddress: 'x'})", (net) => net.connect({ port: 1, localAddress: "x" })],
  ["connect({localPort: 'x'})", (net) => net.connect({ port: 1, localPort: "x" as never })],
  ["connect({lookup: 3})", (net) => net.connect({ port: 1, host: "a", lookup: 3 as never })],
  ["connect({family: 9})", (net) => net.connect({ port: 1, host: "localhost", family: 9 })],
  ["connect({timeout: 'x'})", (net) => net.connect({ port: 1, timeout: "x" as never })],
  ["connect({signal: 3})", (net) => net.connect({ port: 1, signal: 3 as never })],
  ["new Socket({objectMode})", (net) => new net.Socket({ objectMode: true } as never)],
  ["new Socket({readableObjectMode})", (net) => new net.Socket({ readableObjectMode: true } as never)],
  [
    "new Socket({keepAliveInitialDelay: 's'})",
    (net) => new net.Socket({ keepAliveInitialDelay: "s" } as never),
  ],
  ["setTimeout('x')", (net) => new net.Socket().setTimeout("x" as never)],
  ["setTimeout(-1)", (net) => new net.Socket().setTimeout(-1)],
  ["setTimeout(Infinity)", (net) => new net.Socket().setTimeout(Number.POSITIVE_INFINITY)],
  ["setTimeout(1, 3)", (net) => new net.Socket().setTimeout(1, 3 as never)],
  ["write(3)", (net) => new net.Socket().write(3 as never)],
  ["createServer(3)", (net) => net.createServer(3 as never)],
  ["createServer({highWaterMark: 'a'})", (net) => net.createServer({ highWaterMark: "a" as never })],
  [
    "createServer({keepAliveInitialDelay: 's'})",
    (net) => net.createServer({ keepAliveInitialDelay: "s" as never }),
  ],
  ["listen(70000)", (net) => net.createServer().listen(70_000)],
  ["listen({})", (net) => net.createServer().listen({})],
  ["listen(true)", (net) => net.createServer().listen(true as never)],
  ["listen({port: 'x'})", (net) => net.createServer().listen({ port: "x" as never })],
  ["listen({signal: 4})", (net) => net.createServer().listen({ port: 0, signal: 4 as never })],
  ["getConnections()", (net) => net.createServer().getConnections(undefined as never)],
];

describe("arguments that node:net refuses too", () => {
  it.each(REFUSED)("%s", (_name, attempt) => {
    expect(thrown(() => attempt(ours))).toEqual(thrown(() => attempt(nodeNet)));
  });
});

describe("what a TCP stack cannot honour", () => {
  it.each([
    ["connect(path)", (net: AnyNet) => net.connect("/tmp/socket")],
    ["listen(path)", (net: AnyNet) => net.createServer().listen("/tmp/socket")],
    ["new Socket({fd})", (net: AnyNet) => new net.Socket({ fd: 0 })],
    ["listen({fd})", (net: AnyNet) => net.createServer().listen({ fd: 0 } as never)],
  ])("%s says so", (_name, attempt) => {
    const error = thrown(() => attempt(ours));
    expect(error.code).toBe("ERR_FEATURE_UNAVAILABLE_ON_PLATFORM");
    expect(error.text).toContain("not supported by usertcp");
  });
});

describe("isIP and its kin", () => {
  it("are Node's", () => {
    expect([ours.isIP("10.77.0.2"), ours.isIPv4("::1"), ours.isIPv6("::1")]).toEqual([4, false, true]);
  });
});
