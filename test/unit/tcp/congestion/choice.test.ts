/** Congestion control chosen by stack, by listener, by connection. */
import { expect, test } from "vitest";
import type { CongestionName } from "../../../../src/tcp/congestion/congestion.ts";
import { CONGESTION_CONTROLS } from "../../../../src/tcp/congestion/congestion.ts";
import { accepted, opened, PEER, Rig } from "../rig.ts";

const wrong = "vegas" as CongestionName;
const says = /'congestion' takes one of .*newreno.*Received 'vegas'/;

test("a name that is none is refused where it is said, with those that there are", () => {
  expect(() => new Rig({ tcp: { congestion: wrong } })).toThrow(says);
  const rig = new Rig();
  expect(() => rig.stack.listen({ port: 7, congestion: wrong }, {})).toThrow(says);
  expect(() => rig.stack.connect({ host: PEER, port: 7, congestion: wrong }, {})).toThrow(says);
  expect(() => opened().connection.setCongestion(wrong)).toThrow(says);
});

test("ss -i prints Linux's names", () => {
  const printed = { newreno: "reno", cubic: "cubic", bbr: "bbr" };
  for (const [name, control] of Object.entries(CONGESTION_CONTROLS)) {
    expect(control.name).toBe(printed[name as keyof typeof printed]);
    const { connection } = accepted({ mss: 1_000 }, { tcp: { congestion: name as CongestionName } });
    expect(connection.info().congestion).toBe(control.name);
  }
});

test("a listener's and a connection's own choice come before the stack's", () => {
  for (const name of Object.keys(CONGESTION_CONTROLS) as CongestionName[]) {
    const rig = new Rig();
    const connection = rig.stack.connect({ host: PEER, port: 7, congestion: name }, {});
    expect(connection.info().congestion).toBe(CONGESTION_CONTROLS[name].name);
    expect(rig.stack.listen({ port: 7, congestion: name }, {}).congestion).toBe(name);
  }
});

test("setCongestion keeps cwnd and ssthresh", () => {
  for (const name of Object.keys(CONGESTION_CONTROLS) as CongestionName[]) {
    const { peer, rig, connection } = accepted({ mss: 1_000 });
    connection.send(new Uint8Array(5_000));
    rig.run();
    peer.send(".", 1, 5_001);
    const { snd_cwnd, snd_ssthresh } = connection.info();
    connection.setCongestion(name);
    expect(connection.info()).toMatchObject({
      snd_cwnd,
      snd_ssthresh,
      congestion: CONGESTION_CONTROLS[name].name,
    });
  }
});
