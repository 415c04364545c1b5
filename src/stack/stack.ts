/**
 * The stack: tables, interfaces and the flow of packets through TCP. Sans-I/O: packets, time and randomness are handed in.
 * The contract with whoever drives it, in this order, as often as there is anything to do:
 * 1. `tick()` takes the time; `input(link, batch)` for packets received; `expire()` when `nextDeadline()` has come.
 * 2. Send and clear each `link.tx`: what could not wait refers to memory that applications get back. Then `dispatch()` tells
 *    them; they may call anything.
 * 3. `flush()` until it returns true; whenever it returns, send and clear each `link.tx`.
 * 4. While `isBusy`, again from 2 (packets to own addresses, and events that applications caused).
 * `Host.wake` says that a call made outside of this round left something to do.
 */
import { AddressTable } from "../base/address-table.ts";
import { type ErrorCode, NetworkError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { type ReceiveBatch, RX, RX_CHECKSUM_OK } from "../base/packet-batch.ts";
import type { Seq } from "../base/seq.ts";
import { deriveWords, PURPOSE_FLOW_TABLE } from "../base/siphash.ts";
import { type Micros, MS } from "../base/time.ts";
import { arrivesClosed, isSynFinDropped } from "../tcp/arrives-closed.ts";
import { arrivesSynSent } from "../tcp/arrives-syn-sent.ts";
import { arrivesSynchronized } from "../tcp/arrives-synchronized.ts";
import { Arena } from "../tcp/buffer/arena.ts";
import { DEFAULT_CONFIG, type TcpConfig } from "../tcp/config.ts";
import type { TcpContext } from "../tcp/context.ts";
import { TcpCounters } from "../tcp/counters.ts";
import { expire } from "../tcp/expire.ts";
import { settleFastOpen } from "../tcp/fast-open.ts";
import { FastOpenCache } from "../tcp/fast-open-cache.ts";
import { fastPath, SLOW, TAKEN_KEPT } from "../tcp/fast-path.ts";
import { IsnGenerator } from "../tcp/isn.ts";
import { restWhenIdle } from "../tcp/rest.ts";
import { SegmentOut } from "../tcp/segment-out.ts";
import { CLOSED, SYN_SENT } from "../tcp/state.ts";
import { SynCookies } from "../tcp/syn-cookie.ts";
import { ACK_NOW, EVENT_CLOSE, enterState, type Tcb } from "../tcp/tcb.ts";
import { earliest, stopTimers } from "../tcp/timers.ts";
import * as drop from "../wire/drop.ts";
import { Segment } from "../wire/segment.ts";
import { parseTcp } from "../wire/tcp-parse.ts";
import { checkConfig } from "./arguments.ts";
import type { ListenOptions } from "./bindings.ts";
import { type ConnectOptions, connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { DropCounters, Ip6Counters, IpCounters } from "./counters.ts";
import type { ConnectionHandler, ListenerHandler } from "./events.ts";
import { FlowLabels } from "./flow-label.ts";
import { FlowTable, KIND_SYN_RECEIVED, KIND_TCB, KIND_TIME_WAIT } from "./flow-table.ts";
import { FragmentInput } from "./fragment-input.ts";
import type { StackSnapshot } from "./inspect.ts";
import { snapshot } from "./inspect-stack.ts";
import { Interfaces, type StackInterface } from "./interface.ts";
import { ipInput } from "./ip-input.ts";
import { emitSegment, hasRoom } from "./ip-output.ts";
import type { Listener } from "./listener.ts";
import { Listeners } from "./listeners.ts";
import { Loans } from "./loans.ts";
import { LocalPackets } from "./local-packets.ts";
import { Notices } from "./notices.ts";
import { arriving, Observers } from "./observe.ts";
import type { StackOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { countCodepoint, countDiscarded } from "./packet-counts.ts";
import { suspectPath } from "./path-age.ts";
import { PortUse } from "./port-use.ts";
import { EphemeralPorts } from "./ports.ts";
import { RateLimits } from "./rate-limits.ts";
import type { ConnectionSettings } from "./settings.ts";
import { Shard } from "./shard.ts";
import { shutdown } from "./shutdown.ts";
import { forgetFlow } from "./slots.ts";
import { enterTimeWait, timeWaitArrives, timeWaitExpires } from "./time-waits.ts";
import { TimerWheel } from "./timer-wheel.ts";

/** A TCP/IP stack. */
export class Stack implements TcpContext {
  readonly host: Host;
  readonly config: TcpConfig;
  readonly interfaces: Interfaces;
  readonly addresses: AddressTable;
  readonly flowLabels: FlowLabels;
  readonly flows: FlowTable;
  readonly wheel: TimerWheel;
  readonly listeners: Listeners;
  readonly ports: EphemeralPorts;
  readonly portUse: PortUse = new PortUse();
  readonly cookies: SynCookies;
  readonly counters: TcpCounters = new TcpCounters();
  readonly ip: IpCounters = new IpCounters();
  readonly ip6: Ip6Counters = new Ip6Counters();
  readonly drops: DropCounters = new DropCounters();
  readonly observers: Observers = new Observers();
  readonly arena: Arena = new Arena();
  readonly fastOpen: FastOpenCache = new FastOpenCache();
  readonly fragments: FragmentInput;
  readonly shard: Shard | null;
  readonly bare: SegmentOut = new SegmentOut();
  readonly loans: Loans = new Loans();
  /** TCBs by slot. */
  readonly tcbs: (Tcb | null)[] = [];
  /** When the stack came up: the quiet time (RFC 9293 3.4.3) counts from here. */
  readonly startedAt: Micros;
  now: Micros;
  orphans = 0;
  /** After `shutdown`. */
  isDown = false;
  readonly #seg: Segment = new Segment();
  readonly #isn: IsnGenerator;
  readonly #limits: RateLimits;
  readonly #local: LocalPackets = new LocalPackets();
  readonly #outbox: Outbox = new Outbox();
  readonly #notices: Notices = new Notices();
  #running = false;
  readonly #onDue: (slot: number) => void = (slot) => this.#due(slot);

  /** Throws `ArgumentError` for a setting out of its range. */
  constructor(options: StackOptions, host: Host) {
    this.host = host;
    this.config = checkConfig({ ...DEFAULT_CONFIG, ...options.tcp });
    this.now = host.clock();
    this.startedAt = this.now;
    this.addresses = new AddressTable(host.secret);
    this.flowLabels = new FlowLabels(host.secret);
    this.interfaces = new Interfaces(options.interfaces, this.addresses);
    const seed = deriveWords(host.secret, PURPOSE_FLOW_TABLE, 6);
    this.flows = new FlowTable({ seed, maximum: this.config.flowsMax });
    this.wheel = new TimerWheel(TICK, this.now, { exact: options.exactTimers ?? false });
    this.fragments = new FragmentInput(this, options.reassembly);
    this.shard = options.shard === undefined ? null : new Shard(options.shard, host.secret);
    this.listeners = new Listeners(this);
    this.ports = new EphemeralPorts(host.secret);
    this.cookies = new SynCookies(host.secret);
    this.#isn = new IsnGenerator(host.secret);
    this.#limits = new RateLimits(this.config, host);
  }

  /** Takes the time from the host. */
  tick(): void {
    this.now = this.host.clock();
    this.wheel.touch(this.now);
  }

  /** Passive OPEN. Throws EADDRINUSE, EADDRNOTAVAIL (NetworkError, syscall "listen") or ArgumentError. */
  listen(options: ListenOptions, handler: ListenerHandler): Listener {
    this.tick();
    if (this.isDown) throw new NetworkError("ENETDOWN", "listen", options.host, Number(options.port));
    return this.listeners.open(options, handler);
  }

  /** Active OPEN. Throws EADDRNOTAVAIL, EADDRINUSE, ENETUNREACH (NetworkError, syscall "connect") or ArgumentError; what the network says comes by `onClose`. */
  connect(options: ConnectOptions, handler: ConnectionHandler): Connection {
    this.tick();
    if (this.isDown) throw new NetworkError("ENETDOWN", "connect", options.host, options.port);
    return connect(this, options, handler);
  }

  /** Takes received packets. */
  input(link: StackInterface, batch: ReceiveBatch): void {
    this.#running = true;
    const table = batch.table;
    this.loans.begin(batch, table[RX.OFFSET]!);
    const seg = this.#seg;
    seg.bytes = batch.bytes;
    seg.view = batch.view;
    try {
      for (let i = 0; i < batch.count; i++) {
        const row = i * RX.COLUMNS;
        const offset = table[row + RX.OFFSET]!;
        const length = table[row + RX.LENGTH]!;
        seg.checksumOk = (table[row + RX.FLAGS]! & RX_CHECKSUM_OK) !== 0;
        seg.gsoSize = table[row + RX.GSO_SIZE]!;
        arriving(this, batch, row);
        if (ipInput(this, link, seg, offset, length)) this.loans.pin(seg.textLength);
      }
    } finally {
      // An exception of `onSyn` or of an observer: the rest of the batch counts as lost on the way.
      this.#running = false;
    }
  }

  /** A TCP packet for this stack. Returns whether its memory is kept. */
  tcpInput(seg: Segment): boolean {
    this.counters.InSegs++;
    countCodepoint(this.ip, this.ip6, seg.family, seg.ecn);
    const reason = parseTcp(seg.view, seg);
    if (reason !== drop.OK) {
      this.counters.InErrs++;
      this.drop(reason);
      return false;
    }
    if (isSynFinDropped(seg, this)) return false;
    const slot = this.flows.find(seg.family, seg.dst, seg.src, seg.dstPort, seg.srcPort);
    if (slot < 0) {
      if (!this.listeners.arrives(seg)) arrivesClosed(seg, this);
      return false;
    }
    const tcb = this.tcbs[slot] ?? null;
    if (tcb !== null) return this.#segmentArrives(tcb, seg);
    if (this.flows.kind(slot) === KIND_SYN_RECEIVED) return this.listeners.halfOpenArrives(slot, seg);
    timeWaitArrives(this, slot, seg);
    return false;
  }

  /** SEGMENT ARRIVES (RFC 9293 3.10.7) at a TCB. */
  #segmentArrives(tcb: Tcb, seg: Segment): boolean {
    tcb.segsIn++;
    const fast = fastPath(tcb, seg, this);
    if (fast !== SLOW) {
      if (tcb.promptAcks > 0 && tcb.ack === ACK_NOW) this.#outbox.sendNow(this, tcb);
      return fast === TAKEN_KEPT;
    }
    if (tcb.state === SYN_SENT) return arrivesSynSent(tcb, seg, this);
    const kept = arrivesSynchronized(tcb, seg, this);
    if (tcb.promptAcks > 0 && tcb.ack === ACK_NOW) this.#outbox.sendNow(this, tcb);
    return kept;
  }

  /** The earliest time at which `expire` has something to do; NEVER (Infinity) without any. */
  nextDeadline(): Micros {
    return Math.min(this.wheel.nextDeadline(), this.fragments.nextDeadline());
  }

  /** Runs the timers that are due. */
  expire(): void {
    this.wheel.expire(this.now, this.#onDue);
    this.fragments.expire();
  }

  #due(slot: number): void {
    const tcb = this.tcbs[slot] ?? null;
    if (tcb !== null) {
      tcb.wheelAt = Number.POSITIVE_INFINITY;
      expire(tcb, this);
      this.rearm(tcb, Math.min(earliest(tcb), restWhenIdle(tcb, this.now)));
      return;
    }
    const kind = this.flows.kind(slot);
    if (kind === KIND_TIME_WAIT) timeWaitExpires(this, slot);
    else if (kind === KIND_SYN_RECEIVED) this.listeners.halfOpenExpires(slot);
  }

  /** Tells applications what happened. An exception of theirs comes through; the rest is told by the next call. */
  dispatch(): void {
    this.#local.collect(this);
    this.listeners.dispatch();
    this.#notices.dispatch();
  }

  /** Writes what is ready to be sent into the interfaces' batches. False: a batch is full, send it and call again. */
  flush(): boolean {
    return this.#outbox.flush(this, this.#local);
  }

  /** Something is left to do: dispatch and flush again. */
  get isBusy(): boolean {
    return (
      this.#outbox.isBusy ||
      this.#notices.isBusy ||
      this.listeners.isBusy ||
      this.#local.isBusy ||
      this.interfaces.hasOutput
    );
  }

  /** Takes the packets that the stack sent to itself. Part of the driver's round. */
  inputLocal(): void {
    this.#local.deliver(this);
  }

  // TcpContext: what TCP asks for.
  markDirty(tcb: Tcb): void {
    if (tcb.dirty) return;
    this.#outbox.add(this, tcb);
    if (!this.#running) this.host.wake();
  }

  note(tcb: Tcb, events: number): void {
    if (this.#notices.add(tcb, events) && !this.#running) this.host.wake();
  }

  rearm(tcb: Tcb, at: Micros = earliest(tcb)): void {
    if (tcb.slot < 0) return;
    if (at >= tcb.wheelAt) return;
    tcb.wheelAt = at;
    this.wheel.set(tcb.slot, at);
    // A call outside of a round: whoever drives must know of the deadline.
    if (!this.#running) this.host.wake();
  }

  drop(reason: drop.Drop): void {
    this.drops.count(reason);
  }

  allowChallenge(): boolean {
    return this.#limits.allowChallenge(this.now);
  }

  allowReset(family: number, remote: number): boolean {
    return this.#limits.allowReset(family, remote, this.addresses.words, this.now);
  }

  isn(family: number, local: number, remote: number, localPort: number, remotePort: number): Seq {
    const from = this.identity(family, local);
    const to = this.identity(family, remote);
    return this.#isn.isn(family, from, to, localPort, remotePort, this.now);
  }

  timestampOffset(family: number, local: number, remote: number): number {
    return this.#isn.timestampOffset(family, this.identity(family, local), this.identity(family, remote));
  }

  /** What stands for an address in keyed hashes: an IPv4 key itself, of an IPv6 one the digest. */
  identity(family: number, key: number): number {
    return family === 4 ? key : this.addresses.digest(key);
  }

  sendBare(seg: Segment, out: SegmentOut): void {
    this.sendBareTo(seg.family, seg.dst, seg.src, seg.dstPort, seg.srcPort, out);
  }

  /** Sends a segment that no TCB stands behind, with the IP header that `settings` ask for. When the batch is full it is lost, as on a full link. */
  sendBareTo(
    family: number,
    local: number,
    remote: number,
    localPort: number,
    remotePort: number,
    out: SegmentOut,
    settings?: ConnectionSettings,
  ): void {
    const link = this.interfaces.route(family, remote);
    if (link === null || !hasRoom(link, null)) {
      countDiscarded(this.ip, this.ip6, family);
      return;
    }
    this.counters.OutSegs++;
    out.dscp = (settings?.typeOfService ?? this.config.dscp) & ~3;
    out.ttl = settings?.hopLimit ?? this.config.ttl;
    emitSegment(this, link, family, local, remote, localPort, remotePort, out, null);
    if (!this.#running) this.host.wake();
  }

  get quietUntil(): Micros {
    return this.startedAt + this.config.quietTime;
  }

  suspectPath(tcb: Tcb, mtu = 0): void {
    suspectPath(this, tcb, mtu);
  }

  toTimeWait(tcb: Tcb): void {
    enterTimeWait(this, this.#detach(tcb), tcb);
    this.note(tcb, EVENT_CLOSE);
  }

  release(tcb: Tcb, error: ErrorCode | null): void {
    if (tcb.state !== CLOSED) enterState(tcb, CLOSED);
    const slot = this.#detach(tcb);
    if (slot < 0) return;
    forgetFlow(this, slot);
    (tcb.owner as Connection).failed(error);
    this.note(tcb, EVENT_CLOSE);
  }

  /** Takes `tcb` from its slot, which is returned: -1 when it had none. */
  #detach(tcb: Tcb): number {
    const slot = tcb.slot;
    stopTimers(tcb);
    if (slot < 0) return slot;
    settleFastOpen(tcb, false);
    tcb.slot = -1;
    this.tcbs[slot] = null;
    tcb.freeSending();
    if (tcb.isOrphan) this.orphans--;
    tcb.isOrphan = false;
    return slot;
  }

  /** Makes `slot`, new or half-open so far, that of `tcb`. */
  adopt(tcb: Tcb, slot: number): void {
    this.wheel.cancel(slot);
    this.flows.setKind(slot, KIND_TCB);
    tcb.slot = slot;
    this.tcbs[slot] = tcb;
  }

  /**
   * The end: stops listening and resets every connection, or, with the device gone, ends each with `error`. Nothing new begins.
   */
  shutdown(error: ErrorCode | null = null): void {
    shutdown(this, error);
  }

  /** Everything about the stack at this moment. */
  snapshot(options: { info?: boolean } = {}): StackSnapshot {
    this.tick();
    return snapshot(this, options.info ?? true);
  }
}

/** The wheel's finest level: 1,024 us. */
const TICK = 1.024 * MS;
