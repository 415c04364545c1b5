/** Brings a stack's connection into each state of RFC 9293 3.3.2, with known sequence variables. */
import type { Connection } from "../../../src/stack/connection.ts";
import type { Listener } from "../../../src/stack/listener.ts";
import type { StateName } from "../../../src/tcp/state.ts";
import { Peer, type PeerOptions } from "./peer.ts";
import { App, accepted, listen, opened, opening, type Pair, Rig, type RigOptions } from "./rig.ts";

/** A state as the matrix names it: SYN-RECEIVED is two, by how it was reached. */
export type SetupName =
  | Exclude<StateName, "SYN-RECEIVED">
  | "SYN-RECEIVED (passive)"
  | "SYN-RECEIVED (simultaneous)";

export type Opener = "passive" | "active";

/** The sequence variables, relative to the two ISSs. */
export interface Variables {
  una: number;
  nxt: number;
  rcvNxt: number;
  /** RCV.NXT + RCV.WND. */
  edge: number;
  /** MAX.SND.WND. */
  maxWnd: number;
}

export interface Setup {
  rig: Rig;
  peer: Peer;
  app: App;
  /** The application's end; null where it has none. */
  connection: Connection | null;
  listener: Listener | null;
  vars: Variables;
  /** The state now, wherever the connection is kept. */
  state(): StateName | "gone";
}

/** What the peer's segments advertise. */
const WINDOW = 65_535;

/**
 * In the synchronized states 10 bytes came and 100 left and were acknowledged; 50 more are outstanding where the
 * state allows it, followed by the FIN where it is sent.
 */
export function bring(name: SetupName, opener: Opener, timestamps: boolean, config: RigOptions = {}): Setup {
  const options: PeerOptions = { mss: 1_460, timestamps };
  if (name === "CLOSED" || name === "LISTEN") {
    const rig = new Rig(config);
    const app = new App();
    const listener = name === "LISTEN" ? listen(rig, app) : null;
    return { ...setup(rig, new Peer(rig, options), app, 0, 0, 0, name === "LISTEN"), listener };
  }
  if (name === "SYN-RECEIVED (passive)") {
    const rig = new Rig(config);
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig, options);
    peer.send("S", 0, 0, peer.synOptions);
    return setup(rig, peer, app, 0, 1, 1, true);
  }
  if (name === "SYN-SENT" || name === "SYN-RECEIVED (simultaneous)") {
    const pair = opening(options, config);
    if (name === "SYN-SENT") return of(pair, 0, 1, 0);
    pair.peer.send("S", 0, 0, pair.peer.synOptions);
    return of(pair, 0, 1, 1);
  }
  const pair = opener === "passive" ? accepted(options, config) : opened(options, config);
  const { rig, peer, connection } = pair;
  const send = (bytes: number): void => {
    connection.send(new Uint8Array(bytes));
    peer.mine(rig.run());
  };
  const end = (bytes: number): void => {
    connection.send(new Uint8Array(bytes));
    connection.end();
    peer.mine(rig.run());
  };
  peer.send("P.", 1, 1, { text: 10 });
  peer.mine(rig.advance(40_000));
  send(100);
  peer.send(".", 11, 101);
  switch (name) {
    case "ESTABLISHED":
      send(50);
      return of(pair, 101, 151, 11);
    case "FIN-WAIT-1":
      end(50);
      return of(pair, 101, 152, 11);
    case "FIN-WAIT-2":
      end(0);
      peer.send(".", 11, 102);
      return of(pair, 102, 102, 11);
    case "CLOSE-WAIT":
      peer.send("F.", 11, 101);
      send(50);
      return of(pair, 101, 151, 12);
    case "LAST-ACK":
      peer.send("F.", 11, 101);
      end(50);
      return of(pair, 101, 152, 12);
    case "CLOSING":
      end(50);
      peer.send("F.", 11, 101);
      return of(pair, 101, 152, 12);
    case "TIME-WAIT":
      if (opener === "active") listen(rig, new App(), { port: peer.stackPort, reuseAddr: true });
      end(0);
      peer.send("F.", 11, 102);
      return of(pair, 102, 102, 12);
  }
}

function of(pair: Pair, una: number, nxt: number, rcvNxt: number): Setup {
  const made = setup(pair.rig, pair.peer, pair.app, una, nxt, rcvNxt);
  return { ...made, connection: pair.connection, listener: pair.listener };
}

function setup(
  rig: Rig,
  peer: Peer,
  app: App,
  una: number,
  nxt: number,
  rcvNxt: number,
  listens = false,
): Setup {
  app.take();
  return {
    rig,
    peer,
    app,
    connection: null,
    listener: null,
    vars: { una, nxt, rcvNxt, edge: peer.edge, maxWnd: WINDOW },
    state: () => stateOf(rig, peer) ?? (listens ? "LISTEN" : "gone"),
  };
}

/** The state of the peer's connection as `ss` would show it; null where there is none. */
export function stateOf(rig: Rig, peer: Peer): StateName | null {
  const { sockets } = rig.stack.snapshot({ info: false });
  return sockets.find((s) => s.remotePort === peer.port && s.localPort === peer.stackPort)?.state ?? null;
}
