/** usertcp/install and what decides whose an address is. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { routerOf } from "../../../src/net/install.ts";
import { FakeStack } from "./fake-stack.ts";

describe("USERTCP_ROUTES", () => {
  const router = routerOf(new FakeStack(), "10.77.0.0/24, fd77::/64");

  it("sends what a prefix holds to the stack, the rest to the kernel", () => {
    expect(["10.77.0.9", "10.77.1.9", "127.0.0.1", "fd77::9", "fd78::9", "::1"].map(router.connects)).toEqual(
      [true, false, false, true, false, false],
    );
  });

  it("a server on any address listens on both, one on an address where the address is", () => {
    expect([null, "0.0.0.0", "::", "10.77.0.2", "127.0.0.1"].map(router.listens)).toEqual([
      "both",
      "both",
      "both",
      "stack",
      "kernel",
    ]);
  });

  it("all: the kernel has nothing", () => {
    const all = routerOf(new FakeStack(), "all");
    expect(all.connects("192.0.2.1")).toBe(true);
    expect(all.listens(null)).toBe("stack");
  });

  it("what is no prefix is named", () => {
    expect(() => routerOf(new FakeStack(), "10.77.0.0/24,nonsense")).toThrow(/USERTCP_ROUTES.*nonsense/);
  });

  it.each(["10.77.0.0/33", "fd77::/129", "10.77.0.1-10.77.0.9", "all,10.77.0.0/24", " , "])(
    "%j is refused",
    (routes) => {
      expect(() => routerOf(new FakeStack(), routes)).toThrow(
        /USERTCP_ROUTES.*10\.77\.0\.0\/24,fd77::\/64, or all/,
      );
    },
  );

  it("several prefixes of both families, of any length; IPv4 in IPv6's notation is IPv4", () => {
    const many = routerOf(new FakeStack(), "10.77.0.0/24,192.0.2.7,0.0.0.0/1,fd77::/64,2001:db8::1/128");
    const stacks = ["10.77.0.9", "192.0.2.7", "100.1.2.3", "fd77::1:2", "2001:db8::1", "::ffff:192.0.2.7"];
    const kernels = [
      "192.0.2.8",
      "200.1.2.3",
      "fd77:0:0:1::1",
      "2001:db8::2",
      "::ffff:192.0.2.8",
      "nonsense",
    ];
    expect(stacks.filter((address) => !many.connects(address))).toEqual([]);
    expect(kernels.filter(many.connects)).toEqual([]);
  });
});

describe("node --import usertcp/install", () => {
  const entry = fileURLToPath(new URL("../../../dist/install.js", import.meta.url));
  const run = (env: Record<string, string>, program: string) =>
    spawnSync(process.execPath, ["--import", entry, "--input-type=module", "-e", program], {
      encoding: "utf8",
      env: { ...process.env, ...env },
      timeout: 20_000,
    });

  it("a program talks to its own kernel's server where the routes do not lead, to the stack's where they do, and ends", () => {
    const program = `
      import net from "node:net";
      const kernel = net.createServer((socket) => socket.end(String(socket.state))).listen(0, "127.0.0.1", () => {
        const socket = net.connect(kernel.address().port, "127.0.0.1");
        socket.on("data", (data) => console.log(String(data), socket.info())).on("close", () => kernel.close());
      });`;
    const { stdout, status } = run({ USERTCP_ROUTES: "10.77.0.0/24,fd77::/64" }, program);
    expect([stdout, status]).toEqual(["null null\n", 0]);
    const looped = run({ USERTCP_STACK: "loopback" }, program);
    expect(looped.stdout).toMatch(/^ESTABLISHED \{/);
    expect(looped.status).toBe(0);
  });

  it("variables that make no sense end it with their name, what they take and what they were", () => {
    const wrong = run({ USERTCP_ROUTES: "10.77.0.0/24,nonsense" }, "");
    expect(wrong.stderr).toMatch(/The argument 'USERTCP_ROUTES' takes prefixes.*Received 'nonsense'/);
    expect(wrong.status).toBe(1);
    expect(run({ USERTCP_STACK: "here" }, "").stderr).toMatch(
      /'USERTCP_STACK' takes addresses.*Received 'here'/,
    );
    // Empty is not set.
    expect(run({ USERTCP_ROUTES: "", USERTCP_STACK: "" }, "").status).toBe(0);
  });
});
