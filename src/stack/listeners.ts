/**
 * The listeners of a stack: which one a SYN is for, and the way from SYN to connection through the SYN queue, or
 * through a cookie when that is full, into the accept queue. Policy of overflows as Linux's.
 */
import { ArgumentError } from "../base/errors.ts";
import type { Seq } from "../base/seq.ts";
import { type Micros, SECOND } from "../base/time.ts";
import { refuse } from "../tcp/arrives-closed.ts";
import { arrivesListen } from "../tcp/arrives-listen.ts";
import { arrivesSynchronized } from "../tcp/arrives-synchronized.ts";
import {
  ANSWER,
  arrivesHalfOpen,
  COMPLETE,
  expectedReset,
  FORGET,
  fillHalfOpen,
  halfOpenAck,
  LISTENER,
  RESEND,
  RETRIES,
  synAck,
} from "../tcp/half-open.ts";
import type { Tcb } from "../tcp/tcb.ts";
import * as drop from "../wire/drop.ts";
import { ACK, RST, type Segment, SYN } from "../wire/segment.ts";
import { congestionArgument } from "./arguments.ts";
import { Bindings, type ListenOptions } from "./bindings.ts";
import { connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { CookieJar } from "./cookie-jar.ts";
import { isQuiet, patience, waitsForText } from "./defer-accept.ts";
import type { ConnectionHandler, ListenerHandler } from "./events.ts";
import { ACCEPT, ACCEPT_RENEW, FastOpenServer, ORDINARY } from "./fast-open-server.ts";
import { KIND_SYN_RECEIVED, RECORD } from "./flow-table.ts";
import { Listener } from "./listener.ts";
import { makePassive } from "./passive-open.ts";
import { forgetFlow, insertFlow } from "./slots.ts";
import type { Stack } from "./stack.ts";
import { HeldSyn } from "./syn-flow.ts";

/** Passive OPENs of a stack. */
export class Listeners {
  readonly #stack: Stack;
  readonly #byId: Map<number, Listener> = new Map();
  readonly #bindings: Bindings;
  readonly #noted: Set<Listener> = new Set();
  readonly #cookies: CookieJar;
  /** Fast Open; its keys can be changed at any time. */
  readonly fastOpen: FastOpenServer;
  #nextId = 1;

  constructor(stack: Stack) {
    this.#stack = stack;
    this.#bindings = new Bindings(stack);
    this.#cookies = new CookieJar(stack);
    this.fastOpen = new FastOpenServer(stack);
  }

  /** All of them, in the order of opening. */
  get all(): IterableIterator<Listener> {
    return this.#byId.values();
  }

  get isBusy(): boolean {
    return this.#noted.size > 0;
  }

  /** See `Stack.listen`. */
  open(options: ListenOptions, handler: ListenerHandler): Listener {
    const backlog = options.backlog ?? 511;
    if (!Number.isInteger(backlog) || backlog < 0 || backlog > 65_535) {
      throw new ArgumentError("backlog", "a number from 0 to 65535", backlog, "ERR_OUT_OF_RANGE");
    }
    const binding = this.#bindings.claim(options);
    const congestion = congestionArgument(options.congestion) ?? this.#stack.config.congestion;
    const synQueue = this.#stack.config.synQueue || Math.max(128, backlog);
    const listener = new Listener(this, this.#nextId++, binding, backlog, synQueue, congestion, handler);
    listener.settings = options.settings ?? {};
    listener.fastOpenMax = options.fastOpen ?? -1;
    this.#byId.set(listener.id, listener);
    this.#bindings.add(listener);
    return listener;
  }

  /** Whether a listener is bound to the port for `local`. */
  isBound(family: number, local: number, port: number): boolean {
    return this.#bindings.best(family, local, port) !== null;
  }

  /** Whether packets to `local`, no address of the stack's, are for a listener on a prefix. */
  takes(family: number, local: number): boolean {
    return this.#bindings.takes(family, local);
  }

  /** Whether a SYN would find a listener that can take it. */
  hasRoom(seg: Segment): boolean {
    const listener = this.#bindings.best(seg.family, seg.dst, seg.dstPort);
    return listener !== null && !listener.isFull;
  }

  /** A segment without a flow. False: no listener either. `least` bounds the ISS where TIME-WAIT was reused. */
  arrives(seg: Segment, least: Seq | null = null): boolean {
    const listener = this.#bindings.best(seg.family, seg.dst, seg.dstPort);
    if (listener === null) return false;
    if ((seg.flags & (SYN | ACK | RST)) === ACK && this.#cookies.accepts(listener, seg)) {
      this.#redeem(listener, seg);
      return true;
    }
    if (arrivesListen(seg, this.#stack)) this.#syn(listener, seg, least);
    return true;
  }

  /** A good SYN: into the SYN queue and answered, or held, refused, turned into a cookie, dropped. */
  #syn(listener: Listener, seg: Segment, least: Seq | null): void {
    const stack = this.#stack;
    if (seg.src === seg.dst && seg.srcPort === seg.dstPort) {
      stack.drop(drop.IP_SOURCE_INVALID);
      return;
    }
    if (stack.now < stack.quietUntil) {
      stack.drop(drop.TCP_SYN_QUEUE_FULL);
      return;
    }
    const flow = listener.handler.onSyn === undefined ? null : new HeldSyn(this, stack, seg);
    const verdict = flow === null ? "accept" : listener.handler.onSyn!(flow);
    if (listener.isClosed) return;
    if (verdict === "refuse") {
      refuse(seg, stack);
      return;
    }
    if (listener.isFull) {
      // As Linux: while the accept queue is full new SYNs are not answered either.
      stack.counters.ListenOverflows++;
      listener.count("acceptOverflows");
      this.#dropSyn(listener, drop.TCP_ACCEPT_QUEUE_FULL);
      return;
    }
    const { synCookies } = stack.config;
    const full = listener.synQueue >= listener.synQueueMax;
    if (verdict !== "hold" && (synCookies === "always" || (full && synCookies === "overflow"))) {
      this.#cookies.send(listener, seg);
      return;
    }
    const verdictOnText = verdict === "hold" || full ? ORDINARY : this.fastOpen.judge(listener, seg);
    if (verdictOnText >= ACCEPT && this.#acceptAtOnce(listener, seg, least, verdictOnText === ACCEPT_RENEW))
      return;
    const slot = full
      ? -1
      : insertFlow(stack, seg.family, seg.dst, seg.src, seg.dstPort, seg.srcPort, KIND_SYN_RECEIVED);
    if (slot < 0) {
      this.#dropSyn(listener, full ? drop.TCP_SYN_QUEUE_FULL : drop.TCP_FLOW_TABLE_FULL);
      return;
    }
    listener.synQueue++;
    const at = slot * RECORD;
    fillHalfOpen(stack.flows.record, at, seg, stack, this.bufferOf(listener), least);
    stack.flows.record[at + LISTENER] = listener.id;
    if (verdict === "hold") {
      stack.flows.record[at + RETRIES] = HELD;
      flow!.hold(slot);
      stack.wheel.set(slot, stack.now + HOLD_MAX);
      return;
    }
    this.#answer(slot, false, verdictOnText === ORDINARY ? null : seg);
    stack.wheel.set(slot, stack.now + stack.config.rtoInitial);
  }

  /** Fast Open (RFC 7413 4.2.2): the SYN is a connection for the accept queue, with its text. */
  #acceptAtOnce(listener: Listener, seg: Segment, least: Seq | null, renew: boolean): boolean {
    fillHalfOpen(this.#cookies.record, 0, seg, this.#stack, this.bufferOf(listener), least);
    const tcb = makePassive(this.#stack, listener, -1, seg, this.#cookies.record, 0);
    if (tcb === null) return false;
    this.fastOpen.accept(listener, tcb, seg, renew);
    this.#enqueue(listener, tcb);
    return true;
  }

  #dropSyn(listener: Listener, reason: drop.Drop): void {
    this.#stack.counters.ListenDrops++;
    listener.count("synDrops");
    this.#stack.drop(reason);
  }

  /** Sends the SYN-ACK of the half-open connection in `slot`, or an ACK where that says enough. */
  #answer(slot: number, ackOnly = false, asker: Segment | null = null): void {
    const { flows, bare } = this.#stack;
    const listener = this.#listenerOf(slot);
    const family = flows.family(slot);
    const remote = flows.remote(slot);
    if (ackOnly) halfOpenAck(flows.record, slot * RECORD, this.#stack, bare);
    else synAck(flows.record, slot * RECORD, this.mssTo(family, remote, listener), this.#stack, bare);
    if (asker !== null) this.fastOpen.offer(asker, bare);
    this.#stack.sendBareTo(
      family,
      flows.local(slot),
      remote,
      flows.localPort(slot),
      flows.remotePort(slot),
      bare,
      listener?.settings,
    );
  }

  #listenerOf(slot: number): Listener | undefined {
    return this.#byId.get(this.#stack.flows.record[slot * RECORD + LISTENER]!);
  }

  /** The MSS to offer to `remote` (RFC 9293 3.7.1). */
  mssTo(family: number, remote: number, listener?: Listener): number {
    const { interfaces, config } = this.#stack;
    const link = interfaces.route(family, remote) ?? interfaces.loopback;
    const mtu = interfaces.pathTo(family, remote, link).mtu - (family === 4 ? 40 : 60);
    const own = link.mssClamp > 0 ? Math.min(mtu, link.mssClamp) : mtu;
    const limit = listener?.settings.maxSegment || config.mss;
    return limit > 0 ? Math.min(limit, own) : own;
  }

  /** What a connection of `listener` has for text to come, at first. */
  bufferOf(listener: Listener): number {
    return listener.settings.receiveBuffer ?? this.#stack.config.receiveBuffer;
  }

  /** A segment for a half-open connection. Returns whether the packet's memory is kept. */
  halfOpenArrives(slot: number, seg: Segment): boolean {
    const stack = this.#stack;
    const at = slot * RECORD;
    const { record } = stack.flows;
    if (record[at + RETRIES] === HELD) {
      // RFC 5961 3.2: only the RST that a forger has to guess.
      if ((seg.flags & RST) !== 0 && seg.seq === expectedReset(record, at)) this.forgetHalfOpen(slot);
      return false;
    }
    switch (arrivesHalfOpen(record, at, seg, stack)) {
      case FORGET:
        this.forgetHalfOpen(slot);
        return false;
      case RESEND:
        this.#answer(slot);
        return false;
      case ANSWER:
        this.#answer(slot, true);
        return false;
      case COMPLETE:
        return this.#complete(slot, seg);
      default:
        return false;
    }
  }

  /** The third segment of a handshake: a connection for the accept queue, if that has room. */
  #complete(slot: number, seg: Segment): boolean {
    const stack = this.#stack;
    const { record } = stack.flows;
    const at = slot * RECORD;
    const listener = this.#listenerOf(slot);
    if (listener === undefined) {
      this.forgetHalfOpen(slot);
      refuse(seg, stack);
      return false;
    }
    if (waitsForText(listener, seg, record, at)) {
      stack.counters.TCPDeferAcceptDrop++;
      return false;
    }
    if (listener.isFull) {
      stack.counters.ListenOverflows++;
      listener.count("acceptOverflows");
      stack.drop(drop.TCP_ACCEPT_QUEUE_FULL);
      // Linux tcp_abort_on_overflow; else the ACK counts as lost, and the SYN-ACK's timer or the peer's data asks again.
      if (stack.config.abortOnOverflow) {
        this.forgetHalfOpen(slot);
        refuse(seg, stack);
      }
      return false;
    }
    listener.synQueue--;
    return this.#establish(listener, slot, seg, record, at);
  }

  #establish(listener: Listener, slot: number, seg: Segment, record: Int32Array, at: number): boolean {
    const tcb = makePassive(this.#stack, listener, slot, seg, record, at);
    if (tcb === null) return false;
    const kept = arrivesSynchronized(tcb, seg, this.#stack);
    this.#enqueue(listener, tcb);
    return kept;
  }

  #enqueue(listener: Listener, tcb: Tcb): void {
    listener.acceptQueue.push(tcb.owner as Connection);
    this.note(listener);
  }

  /** A good cookie came back: the connection it stands for. */
  #redeem(listener: Listener, seg: Segment): void {
    if (listener.isFull) {
      this.#stack.counters.ListenOverflows++;
      listener.count("acceptOverflows");
      this.#stack.drop(drop.TCP_ACCEPT_QUEUE_FULL);
      return;
    }
    this.#establish(listener, -1, seg, this.#cookies.record, 0);
  }

  /** The timer of a half-open connection: SYN-ACK again, or forgotten. */
  halfOpenExpires(slot: number): void {
    const stack = this.#stack;
    const { record } = stack.flows;
    const at = slot * RECORD;
    const retries = record[at + RETRIES]!;
    const most = patience(this.#listenerOf(slot), record, at, stack.config.synAckRetries);
    if (retries === HELD || retries >= most) {
      stack.counters.AttemptFails++;
      this.forgetHalfOpen(slot);
      return;
    }
    record[at + RETRIES] = retries + 1;
    if (!isQuiet(this.#listenerOf(slot), record, at, retries)) {
      stack.counters.RetransSegs++;
      this.#answer(slot);
    }
    stack.wheel.set(slot, stack.now + stack.config.rtoInitial * 2 ** (retries + 1));
  }

  /** Drops a half-open connection and its place in the SYN queue. */
  forgetHalfOpen(slot: number): void {
    const listener = this.#listenerOf(slot);
    if (listener !== undefined) listener.synQueue--;
    forgetFlow(this.#stack, slot);
  }

  /** `SynFlow.accept` of a held SYN: it is answered now. */
  answerHeld(slot: number): void {
    this.#stack.flows.record[slot * RECORD + RETRIES] = 0;
    this.#answer(slot);
    this.#stack.wheel.set(slot, this.#stack.now + this.#stack.config.rtoInitial);
  }

  /** Whether `slot` holds a SYN that waits for a decision. */
  isHeld(slot: number): boolean {
    return (
      this.#stack.flows.kind(slot) === KIND_SYN_RECEIVED &&
      this.#stack.flows.record[slot * RECORD + RETRIES] === HELD
    );
  }

  /** The accept queue of `listener` has news. */
  note(listener: Listener): void {
    this.#noted.add(listener);
    this.#stack.host.wake();
  }

  dispatch(): void {
    for (const listener of this.#noted) {
      this.#noted.delete(listener);
      listener.dispatch();
    }
  }

  /** `Listener.close`. */
  remove(listener: Listener): void {
    this.#byId.delete(listener.id);
    this.#noted.delete(listener);
    this.#bindings.remove(listener);
    const { flows } = this.#stack;
    if (listener.synQueue === 0) return;
    flows.forEachSlot(KIND_SYN_RECEIVED, (slot) => {
      if (flows.record[slot * RECORD + LISTENER] === listener.id) forgetFlow(this.#stack, slot);
    });
  }

  /** LISTEN -> SYN-SENT (RFC 9293 3.10.1). */
  openFrom(listener: Listener, host: string, port: number, handler: ConnectionHandler): Connection {
    const isOne = listener.bits === (listener.family === 4 ? 32 : 128);
    const local = isOne ? { localAddress: listener.address } : {};
    return connect(this.#stack, { host, port, localPort: listener.port, ...local }, handler);
  }
}

/** In a record's RETRIES: not answered yet, waiting for the application's decision. */
const HELD = -1;
/** So long: the time in which Linux gives up an unanswered SYN-ACK (1 + 2 + 4 + 8 + 16 + 32 s). */
const HOLD_MAX: Micros = 63 * SECOND;
