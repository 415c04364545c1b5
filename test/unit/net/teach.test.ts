/** Before Node 24 the constructor of sockets is shown many shapes of options, once; later Nodes are left alone. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const { node } = process.versions;

describe("teachShapes", () => {
  beforeEach(() => vi.resetModules());
  afterEach(() => setVersion(node));

  it("shows forty different shapes, once a process", async () => {
    setVersion("20.19.0");
    expect(await shapesShown(2)).toBe(40);
  });

  it("shows none where V8 has no need", async () => {
    setVersion("24.0.0");
    expect(await shapesShown(1)).toBe(0);
  });
});

async function shapesShown(times: number): Promise<number> {
  const { teachShapes } = await import("../../../src/net/teach.ts");
  const shown: string[] = [];
  class Socket {
    constructor(options: object) {
      shown.push(Object.keys(options).join());
    }
  }
  for (let i = 0; i < times; i++) teachShapes(Socket);
  expect(new Set(shown).size).toBe(shown.length);
  return shown.length;
}

function setVersion(version: string): void {
  Object.defineProperty(process.versions, "node", { value: version, configurable: true, enumerable: true });
}
