import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG } from "../../../src/tcp/config.ts";
import { sharedBy } from "../../../src/tcp/rare-state.ts";
import { TcbRare } from "../../../src/tcp/tcb-rare.ts";

describe("what few connections need", () => {
  it("is shared until one changes it, and then that one's alone", () => {
    const config = { ...DEFAULT_CONFIG };
    const [a, b] = [new TcbRare(config), new TcbRare(config)];
    a.timeouts++;
    a.keepAliveIdle = 1_000_000;
    expect([a.timeouts, b.timeouts]).toEqual([1, 0]);
    expect([a.keepAliveIdle, b.keepAliveIdle]).toEqual([1_000_000, config.keepAliveIdle]);
    expect(new TcbRare(config).timeouts).toBe(0);
    expect(sharedBy(config)).toMatchObject({ isShared: true, timeouts: 0 });
  });

  it("follows a configuration that changes, for connections to come", () => {
    const config = { ...DEFAULT_CONFIG };
    const before = new TcbRare(config);
    config.keepAliveIdle = 5_000_000;
    expect(new TcbRare(config).keepAliveIdle).toBe(5_000_000);
    expect(before.keepAliveIdle).toBe(DEFAULT_CONFIG.keepAliveIdle);
  });

  it("has each flag by itself", () => {
    const one = new TcbRare(DEFAULT_CONFIG);
    one.timestamps = one.keepAlive = one.finSent = true;
    one.finSent = false;
    expect([one.timestamps, one.keepAlive, one.finSent, one.ecn]).toEqual([true, true, false, false]);
  });
});
