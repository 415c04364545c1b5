import { describe, expect, it } from "vitest";
import { Crowd } from "../../../bench/crowd.ts";
import { SECOND } from "../../../src/base/time.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import type { Tcb } from "../../../src/tcp/tcb.ts";

function echoing(connection: Connection): void {
  connection.handler = { onData: (one, bytes) => void one.send(bytes) };
}

/** One connection after some echoes, and its TCB. */
function used(): { crowd: Crowd; tcb: Tcb } {
  const crowd = new Crowd(1, { onConnection: echoing });
  crowd.open(0, 1);
  for (let i = 0; i < 3; i++) crowd.ask(0, 1, 64);
  return { crowd, tcb: crowd.stack.tcbs.find((tcb) => tcb !== null)! };
}

describe("idle connections", () => {
  it("let go of what their last exchange needed, 5 s after it, and wait for nothing then", () => {
    const { crowd, tcb } = used();
    crowd.wait(4 * SECOND);
    expect(tcb.holdsMemory).toBe(true);
    expect(tcb.ccState).not.toBeNull();
    for (let i = 0; i < 3; i++) crowd.wait(SECOND);
    expect(tcb.holdsMemory).toBe(false);
    expect([tcb.recoveryIfAny, tcb.ccState, tcb.minRtt]).toEqual([null, null, null]);
    expect(crowd.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("go on as before: the next exchange works, and the least round trip is remembered", () => {
    const { crowd, tcb } = used();
    const least = tcb.minRttUs;
    for (let i = 0; i < 8; i++) crowd.wait(SECOND);
    for (let i = 0; i < 3; i++) crowd.ask(0, 1, 64);
    expect(crowd.receivedBy(0)).toBe(6 * 64);
    expect(tcb.minRttUs).toBe(least);
    expect(crowd.stack.counters.RetransSegs).toBe(0);
  });

  it("keep what they learned of a path that reorders", () => {
    const { crowd, tcb } = used();
    tcb.recovery.reorderings = 1;
    for (let i = 0; i < 8; i++) crowd.wait(SECOND);
    expect(tcb.recoveryIfAny?.reorderings).toBe(1);
  });
});
