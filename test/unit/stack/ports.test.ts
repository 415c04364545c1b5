import { describe, expect, test } from "vitest";
import { EphemeralPorts } from "../../../src/stack/ports.ts";

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => 31 * i);
const LOCAL = 0x0a4d0002;
const REMOTE = 0x0a4d0001;
const free = (): boolean => false;

describe("ephemeral ports (RFC 6056 3.3.4)", () => {
  test("stay within 32768-60999 and count up towards one remote end", () => {
    const ports = new EphemeralPorts(SECRET);
    let previous = ports.choose(4, LOCAL, REMOTE, 80, free);
    const wrong: number[] = [];
    for (let i = 0; i < 60_000; i++) {
      const port = ports.choose(4, LOCAL, REMOTE, 80, free);
      if (port !== (previous === 60_999 ? 32_768 : previous + 1)) wrong.push(port);
      previous = port;
    }
    expect(wrong).toEqual([]);
  });

  test("start elsewhere for another remote address, port, family, or secret", () => {
    const starts = new Set<number>();
    for (let i = 0; i < 50; i++) {
      starts.add(new EphemeralPorts(SECRET).choose(4, LOCAL, REMOTE + i, 80, free));
      starts.add(new EphemeralPorts(SECRET).choose(4, LOCAL, REMOTE, 1000 + i, free));
      starts.add(new EphemeralPorts(SECRET.map((b) => b ^ (i + 1))).choose(4, LOCAL, REMOTE, 80, free));
    }
    starts.add(new EphemeralPorts(SECRET).choose(6, LOCAL, REMOTE, 80, free));
    expect(starts.size).toBeGreaterThan(140);
  });

  test("find the only free port of the range, wherever it is, and -1 when there is none", () => {
    for (let only = 5000; only < 5100; only++) {
      const ports = new EphemeralPorts(SECRET, 5000, 5099);
      expect(ports.choose(4, LOCAL, REMOTE, 80, (port) => port !== only)).toBe(only);
      expect(ports.choose(4, LOCAL, REMOTE, 80, () => true)).toBe(-1);
    }
  });

  test("hand out every port of the range before the first one again", () => {
    const ports = new EphemeralPorts(SECRET, 1, 65_535);
    const taken = new Set<number>();
    for (let i = 0; i < 65_535; i++) taken.add(ports.choose(4, LOCAL, REMOTE, 80, free));
    expect(taken.size).toBe(65_535);
  });

  test("a range upside down is refused by name", () => {
    expect(() => new EphemeralPorts(SECRET, 5000, 4999)).toThrow("5000-4999");
  });
});
