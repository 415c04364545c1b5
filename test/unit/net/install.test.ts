/** usertcp/install and what decides whose an address is. */
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
});
