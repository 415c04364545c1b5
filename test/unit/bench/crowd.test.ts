import { describe, expect, it } from "vitest";
import { Crowd } from "../../../bench/crowd.ts";
import { SECOND } from "../../../src/base/time.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import { KIND_SYN_RECEIVED, KIND_TIME_WAIT } from "../../../src/stack/flow-table.ts";

const COUNT = 100;

function echoing(connection: Connection): void {
  connection.handler = { onData: (one, bytes) => void one.send(bytes) };
}

describe("a crowd of clients in memory", () => {
  it("opens connections that echo, and leaves nothing to be sent again", () => {
    const crowd = new Crowd(COUNT, { onConnection: echoing });
    crowd.open(0, COUNT);
    expect(crowd.stack.counters.PassiveOpens).toBe(COUNT);
    for (let i = 0; i < 3; i++) crowd.ask(0, COUNT, 64);
    for (let i = 0; i < 30; i++) crowd.wait(SECOND);
    for (let i = 0; i < COUNT; i++) expect(crowd.receivedBy(i)).toBe(3 * 64);
    expect(crowd.stack.counters.RetransSegs).toBe(0);
    expect(crowd.stack.drops.toObject()).toEqual({});
  });

  it("leaves half-open connections behind its SYNs", () => {
    const crowd = new Crowd(COUNT, { onConnection: echoing });
    crowd.syn(0, COUNT);
    expect(crowd.stack.flows.countOfKind(KIND_SYN_RECEIVED)).toBe(COUNT);
    expect(crowd.received).toBe(COUNT);
  });

  it("has the stack in TIME-WAIT when that closed first, and opens the same ports anew", () => {
    const crowd = new Crowd(COUNT, { onConnection: echoing });
    crowd.open(0, COUNT);
    for (let i = 0; i < COUNT; i++) crowd.connectionOf(i).end();
    crowd.settle();
    expect(crowd.finsOf(0)).toBe(1);
    crowd.finish(0, COUNT);
    expect(crowd.stack.flows.countOfKind(KIND_TIME_WAIT)).toBe(COUNT);
    crowd.wait(2 * SECOND);
    crowd.open(0, COUNT);
    expect(crowd.stack.counters.TWRecycled).toBe(COUNT);
  });
});
