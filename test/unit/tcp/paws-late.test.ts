/** RFC 7323 5.3 R1 and the one exception we make of it. */
import { describe, expect, test } from "vitest";
import { accepted } from "./rig.ts";

describe("PAWS and segments that come late", () => {
  const open = () => {
    const { peer, rig, app } = accepted({ mss: 1_000, timestamps: true, sack: true });
    const send = (at: number, val: number): void =>
      void peer.send(".", at, 1, { text: 10, ts: [val, peer.tsSeen] });
    const paws = (): number => rig.stack.counters.PAWSEstab;
    const base = peer.clock;
    return { send, paws, base, app };
  };

  test("behind a gap that a retransmission filled, a segment sent just before that is taken", () => {
    const { send, paws, base, app } = open();
    // 1 is lost, 21 late; 1 comes again at + 90, and 21 last.
    send(11, base + 2);
    send(31, base + 4);
    send(1, base + 90);
    send(21, base + 3);
    expect(paws()).toBe(0);
    expect(app.received).toBe(40);
  });

  test("5.3 R1: without a gap before later text it is old", () => {
    const { send, paws, base } = open();
    send(1, base + 90);
    send(11, base + 3);
    expect(paws()).toBe(1);
  });

  test("5.3 R1: too old by more than a tenth of a second it is old", () => {
    const { send, paws, base, app } = open();
    send(31, base + 4);
    send(1, base + 190);
    send(21, base + 3);
    expect(paws()).toBe(1);
    expect(app.received).toBe(10);
  });
});
