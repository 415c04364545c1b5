/**
 * A script's events against the kernel, in real time: the counterpart of src/sim/packetdrill/interpreter.ts, with the same
 * parser, the same numbers (flow.ts) and the same comparison (match.ts). What the kernel sends is timed in syscalls.c, so that
 * a busy event loop here changes no time that is compared.
 */
import type { Micros } from "../../src/base/time.ts";
import {
  type Code,
  type Packet,
  type Script,
  type ScriptEvent,
  type SystemCall,
  TCP_FLAGS,
  type TcpPacket,
} from "../../src/sim/packetdrill/ast.ts";
import { buildIcmp, buildTcp, buildUdp } from "../../src/sim/packetdrill/build.ts";
import { complaintAbout } from "../../src/sim/packetdrill/call-judge.ts";
import type { CallOutcome } from "../../src/sim/packetdrill/calls.ts";
import { evaluateCode } from "../../src/sim/packetdrill/code-evaluate.ts";
import type { CodeValue } from "../../src/sim/packetdrill/code-value.ts";
import { numberOf, Unsupported } from "../../src/sim/packetdrill/expression.ts";
import { type Flow, Flows } from "../../src/sim/packetdrill/flow.ts";
import {
  continues,
  differences,
  type MatchRules,
  merge,
  timestampOf,
} from "../../src/sim/packetdrill/match.ts";
import type { Network } from "../../src/sim/packetdrill/network.ts";
import { ScriptFailure } from "../../src/sim/packetdrill/script-failure.ts";
import { readSent, type Seen } from "../../src/sim/packetdrill/seen.ts";
import {
  DEFAULT_TOLERANCE,
  type Due,
  dueAt,
  type Tolerance,
  toleranceOf,
} from "../../src/sim/packetdrill/timing.ts";
import type { Mode } from "../../src/sim/packetdrill/verdict.ts";
import { bothViews, expectedView, seenView } from "../../src/sim/packetdrill/view.ts";
import { kernelCall, outcomeOf, portOf } from "./kernel-calls.ts";
import { type KernelProcess, monotonic, type Reply } from "./kernel-process.ts";
import { runKernelCommand } from "./kernel-settings.ts";
import { type SocketRow, SYN_SENT, socketTable, TIME_WAIT } from "./socket-table.ts";
import { TCP_INFO_ROOM, tcpInfoField } from "./tcp-info.ts";

/** A machine that others use, too, may be as late as this. */
const LEAST_TOLERANCE: Micros = 20_000;
/** Reports of what happened in time may be later yet. */
const GRACE: Micros = 50_000;
/** So long may a call block where the script has no time for it. */
const BLOCK_MAX: Micros = 10_000_000;

interface Pending {
  readonly call: SystemCall;
  readonly reply: Promise<Reply>;
  readonly endAt: Micros;
  readonly tolerance: Micros;
}

/** One run. */
export class KernelRun {
  /** Of the event at hand. */
  line: number | null = null;
  readonly #script: Script;
  readonly #kernel: KernelProcess;
  readonly #network: Network;
  readonly #flows = new Flows();
  readonly #tolerance: Tolerance;
  readonly #rules: MatchRules;
  readonly #nonFatal: ReadonlySet<string>;
  readonly #variables: Map<string, CodeValue> = new Map();
  readonly #descriptors: Map<number, number> = new Map();
  readonly #boundPorts: Map<number, number> = new Map();
  /** The kernel's descriptor that assertions ask. */
  #underTest: number | null = null;
  /** The port of the listener that the next inbound packet opens a flow to. */
  #listening: number | null = null;
  /** A connect is under way whose SYN will tell its port. */
  #expectsSyn = false;
  #pending: Pending | null = null;
  #fault: string | null = null;
  #wake: () => void = () => {};
  #begin: Micros = 0;
  #last: Micros = 0;
  #lastInboundDue: Micros | null = null;

  constructor(script: Script, kernel: KernelProcess, network: Network, mode: Mode) {
    this.#script = script;
    this.#kernel = kernel;
    this.#network = network;
    const option = (name: string): string | null | undefined =>
      script.options.findLast((candidate) => candidate.name === name)?.value;
    this.#tolerance = {
      us: Math.max(LEAST_TOLERANCE, Number(option("tolerance_usecs") ?? DEFAULT_TOLERANCE.us)),
      share: Number(option("tolerance_percent") ?? DEFAULT_TOLERANCE.share * 100) / 100,
    };
    this.#rules = {
      mode,
      tsTickUs: Number(option("tcp_ts_tick_usecs") ?? 0),
      toleranceUs: this.#tolerance.us,
    };
    this.#nonFatal = new Set((option("non_fatal") ?? "").split(","));
    kernel.onPacket = (at, bytes) => this.#take(at, bytes);
  }

  get elapsed(): Micros {
    return monotonic() - this.#begin;
  }

  /** Runs all events. Throws `ScriptFailure`, `Unsupported`, `Unbuildable`. */
  async run(): Promise<void> {
    for (const command of this.#script.init) await this.#command(command.text, command.line);
    this.#begin = monotonic();
    this.#last = this.#begin;
    for (const event of this.#script.events) {
      this.line = event.line;
      await this.#event(event);
      if (this.#fault !== null) throw new ScriptFailure(this.#fault);
    }
    await this.#finishPending();
    await this.#checkLeftOver();
  }

  async #event({ time, action }: ScriptEvent): Promise<void> {
    const isInbound = isPacket(action) && action.direction === "inbound";
    const base = isInbound && this.#lastInboundDue !== null ? this.#lastInboundDue : this.#last;
    const due = dueAt(time, this.#begin, base);
    if (isPacket(action)) await (isInbound ? this.#inbound(action, due.from) : this.#outbound(action, due));
    else if (action.kind === "syscall") {
      await this.#call(action, due.from, base, time.kind.startsWith("absolute") ? this.#begin : base);
    } else if (action.kind === "command") {
      await this.#until(due.from);
      await this.#command(action.text, action.line);
    } else await this.#code(action, due.from);
    this.#lastInboundDue = isInbound ? due.from : null;
  }

  /** Everything that the kernel did before `at` is known when this returns. */
  async #until(at: Micros): Promise<void> {
    await this.#kernel.call("nothing", [], at);
  }

  async #command(text: string, line: number): Promise<void> {
    this.line = line;
    await runKernelCommand(this.#kernel, this.#network, text);
    this.#last = monotonic();
  }

  async #code(code: Code, at: Micros): Promise<void> {
    const fd = this.#underTest;
    if (fd === null) throw new Unsupported("an assertion about a connection without a descriptor");
    const room = Uint8Array.of(TCP_INFO_ROOM & 255, TCP_INFO_ROOM >> 8, 0, 0);
    const reply = await this.#kernel.call("getsockopt", [fd, 6, 11, { room: TCP_INFO_ROOM }, room], at);
    if (reply.result < 0) throw new Unsupported("TCP_INFO of a closed descriptor");
    this.#last = reply.ended;
    const outcome = evaluateCode(code, {
      variables: this.#variables,
      lookup: (name) => {
        const value = tcpInfoField(reply.buffers[0]!, name);
        if (value === undefined && name.startsWith("tcpi_")) throw new Unsupported(`the field ${name}`);
        return value;
      },
    });
    if (!outcome.ok) throw new ScriptFailure(outcome.message, outcome.line);
  }

  // Calls.

  async #call(call: SystemCall, at: Micros, base: Micros, endBase: Micros): Promise<void> {
    await this.#finishPending();
    const made = kernelCall(call, { network: this.#network, descriptors: this.#descriptors });
    if (call.name === "connect" || call.name.startsWith("send")) this.#expectsSyn = !this.#isConnected(call);
    if (call.name === "close") this.#closes(call);
    const reply = this.#kernel.call(made.name, made.given, at).then(async (got) => {
      await this.#made(call, got);
      return got;
    });
    // It may end after this run has.
    reply.catch(() => {});
    if (call.endUs !== null) {
      const endAt = endBase + call.endUs;
      this.#last = at;
      this.#pending = { call, reply, endAt, tolerance: toleranceOf(this.#tolerance, endAt - base) };
      return;
    }
    const got = await within(reply, at + BLOCK_MAX);
    if (got === null) throw new ScriptFailure(`${call.name}() blocks`);
    this.#judge(call, got);
    this.#last = got.ended;
  }

  #isConnected(call: SystemCall): boolean {
    return call.name !== "connect" && call.arguments[4] === undefined && !this.#expectsSyn;
  }

  /** What a call that ended changes here. */
  async #made(call: SystemCall, { result, buffers }: Reply): Promise<void> {
    if (MAKES_DESCRIPTOR.has(call.name) && result >= 0) {
      const wanted = numberOf(call.result, "linux");
      this.#descriptors.set(wanted !== null && wanted >= 0 ? wanted : result, result);
    }
    if (!CHANGES.has(call.name) || (result < 0 && call.name !== "connect" && call.name !== "sendto")) return;
    const live = this.#descriptors.get(numberOf(call.arguments[0], "linux") ?? -1) ?? -1;
    switch (call.name) {
      case "accept":
      case "accept4": {
        this.#underTest = result;
        const flow = this.#flows.find(this.#boundPorts.get(live) ?? 0, portOf(buffers[0]));
        if (flow !== null) this.#flows.current = flow;
        break;
      }
      case "bind": {
        const port = await this.#localPort(live);
        this.#boundPorts.set(live, port);
        this.#underTest = live;
        this.#listening = null;
        this.#flows.open(port, this.#nextRemotePort());
        break;
      }
      case "listen":
        if (!this.#boundPorts.has(live)) this.#boundPorts.set(live, await this.#localPort(live));
        this.#underTest = live;
        this.#listening = this.#boundPorts.get(live)!;
        break;
      case "connect":
        this.#underTest = live;
        this.#listening = null;
        break;
      case "sendto":
        if (call.arguments[4] !== undefined) this.#underTest = live;
    }
  }

  #closes(call: SystemCall): void {
    const script = numberOf(call.arguments[0], "linux") ?? -1;
    const live = this.#descriptors.get(script);
    if (live === undefined) return;
    if (this.#underTest === live) this.#underTest = null;
    if (this.#listening !== null && this.#boundPorts.get(live) === this.#listening) this.#listening = null;
  }

  async #localPort(fd: number): Promise<number> {
    const { buffers } = await this.#kernel.call("getsockname", [
      fd,
      { room: 28 },
      Uint8Array.of(28, 0, 0, 0),
    ]);
    return portOf(buffers[0]);
  }

  async #finishPending(): Promise<void> {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    const { call, endAt, tolerance } = pending;
    const reply = await within(pending.reply, Math.max(endAt, monotonic()) + tolerance + GRACE);
    if (reply === null) throw new ScriptFailure(`${call.name}() still blocks at its end`, call.line);
    this.#judge(call, reply);
    const off = reply.ended - endAt;
    if (Math.abs(off) > tolerance) {
      const how = off < 0 ? "early" : "late";
      throw new ScriptFailure(`${call.name}() ended ${Math.abs(off)} us too ${how}`, call.line);
    }
  }

  #judge(call: SystemCall, reply: Reply): void {
    const made = kernelCall(call, { network: this.#network, descriptors: this.#descriptors });
    let outcome: CallOutcome = outcomeOf(reply, made);
    // A descriptor counts by the name that the script gave it.
    if (MAKES_DESCRIPTOR.has(call.name) && reply.result >= 0) {
      outcome = { ...outcome, result: numberOf(call.result, "linux") ?? reply.result };
    }
    if (call.name === "close" && reply.result === 0) {
      this.#descriptors.delete(numberOf(call.arguments[0], "linux") ?? -1);
    }
    const complaint = complaintAbout(call, outcome, "linux");
    if (complaint === null || this.#nonFatal.has("syscall")) return;
    throw new ScriptFailure(`${call.name}(): ${complaint}`, call.line);
  }

  // Packets to the kernel.

  async #inbound(packet: Packet, at: Micros): Promise<void> {
    if (packet.kind === "tcp") await this.#prepareFlow(packet, at);
    const flow = this.#flows.current;
    const bytes =
      packet.kind === "tcp"
        ? buildTcp(packet, flow, this.#network)
        : packet.kind === "icmp"
          ? buildIcmp(packet, flow, this.#network)
          : buildUdp(packet, flow, this.#network);
    const { began, result } = await this.#kernel.call("inject", [bytes], at);
    if (result < 0) throw new Unsupported("a packet that the TUN device refuses");
    this.#last = began;
  }

  /** The flow a segment belongs to, and the peer's ISN if the segment says it. */
  async #prepareFlow(packet: TcpPacket, at: Micros): Promise<void> {
    if (packet.udpEncapsulation !== null) throw new Unsupported("TCP in UDP");
    if (this.#listening !== null) {
      const flow = this.#flows.open(this.#listening, packet.ports?.source ?? this.#nextRemotePort());
      flow.remoteIsn = packet.sequence.start;
      this.#listening = null;
      this.#underTest = null;
      return;
    }
    if ((packet.flags & TCP_FLAGS.SYN) === 0) return;
    // As late as possible: timers of the kernel may end the state before.
    await this.#until(at - 3000);
    const flow = this.#flows.current;
    const rows = await socketTable(this.#kernel);
    const row = rows.find((one) => one.localPort === flow.localPort && one.remotePort === flow.remotePort);
    if (row === undefined) {
      if (isListening(rows, flow.localPort)) flow.restart(packet.sequence.start);
    } else if (row.state === SYN_SENT) flow.remoteIsn = packet.sequence.start;
    else if (row.state === TIME_WAIT) flow.nextIsn = packet.sequence.start;
  }

  #nextRemotePort(): number {
    return 49_152 + this.#flows.all.length;
  }

  // Packets from the kernel.

  #take(at: Micros, bytes: Uint8Array): void {
    for (const seen of readSent({ at, bytes, gsoSize: 0, partialChecksum: false })) {
      if (seen.fault !== null) this.#fault ??= `the kernel sent a packet with a wrong ${seen.fault}`;
      if (seen.protocol !== "tcp") continue;
      this.#flowOf(seen)?.queue.push(seen);
    }
    this.#wake();
  }

  #flowOf(seen: Seen): Flow | null {
    const isSyn = (seen.flags & (TCP_FLAGS.SYN | TCP_FLAGS.ACK)) === TCP_FLAGS.SYN;
    if (this.#expectsSyn && isSyn) {
      this.#expectsSyn = false;
      return this.#flows.open(seen.sourcePort, seen.destinationPort);
    }
    return this.#flows.find(seen.sourcePort, seen.destinationPort);
  }

  async #outbound(expected: Packet, due: Due): Promise<void> {
    if (expected.kind !== "tcp") throw new Unsupported(`an outbound ${expected.kind} packet`);
    if (expected.udpEncapsulation !== null) throw new Unsupported("TCP in UDP");
    const tolerance = toleranceOf(this.#tolerance, due.from - this.#last);
    const latest = due.isAny ? monotonic() + BLOCK_MAX : due.to + tolerance;
    const seen = await this.#await(expected, latest);
    const isFatal = !this.#nonFatal.has("packet");
    if (seen === null) {
      if (!isFatal) return;
      throw new ScriptFailure("expected a packet, and none came", null, { expected: expectedView(expected) });
    }
    const flow = this.#flows.current;
    this.#learn(expected, seen, flow);
    const differing = differences(expected, seen, flow, this.#rules);
    const views = { ...bothViews(expected, seen, flow, this.#rules.mode), differing };
    if (differing.length > 0 && isFatal) {
      throw new ScriptFailure(`the packet differs in ${differing.join(", ")}`, null, views);
    }
    const off = seen.at < due.from ? seen.at - due.from : Math.max(0, seen.at - due.to);
    if (!due.isAny && Math.abs(off) > tolerance && isFatal) {
      const how = off < 0 ? "early" : "late";
      throw new ScriptFailure(`the packet came ${Math.abs(Math.round(off))} us too ${how}`, null, views);
    }
    this.#last = seen.at;
  }

  /** The next segments of the flow, merged up to the expected length. */
  async #await(expected: TcpPacket, latest: Micros): Promise<Seen | null> {
    const parts: Seen[] = [];
    let length = 0;
    let isOver = false;
    for (;;) {
      const { queue } = this.#flows.current;
      while (queue.length > 0) {
        const next = queue[0]!;
        const fits = length + next.length <= expected.sequence.length;
        if (parts.length > 0 && (!continues(parts, next) || !fits)) return merge(parts);
        parts.push(next);
        queue.shift();
        length += next.length;
        if (length >= expected.sequence.length) return merge(parts);
      }
      if (this.#fault !== null) throw new ScriptFailure(this.#fault);
      if (isOver) return parts.length === 0 ? null : merge(parts);
      isOver = !(await this.#packetBefore(latest));
    }
  }

  /** Waits for news from the device, at most until `latest`. False: all that came by then is here. */
  async #packetBefore(latest: Micros): Promise<boolean> {
    const news = new Promise<true>((resolve) => {
      this.#wake = () => resolve(true);
    });
    if ((await within(news, latest)) !== null) return true;
    await this.#until(latest + 1000);
    return false;
  }

  /** ISN and timestamp that the line gives a name to. */
  #learn(expected: TcpPacket, seen: Seen, flow: Flow): void {
    if ((expected.flags & seen.flags & TCP_FLAGS.SYN) !== 0) {
      if (flow.nextIsn !== null) flow.restart(flow.nextIsn);
      flow.learnLocalIsn(expected.sequence.any ? 0 : expected.sequence.start, seen.sequence);
    }
    const script = timestampOf(expected.options);
    const live = timestampOf(seen.options);
    if (script !== null && live !== null) flow.learnTimestamp(script, live);
  }

  /** Strict: nothing may be left that no line expected. */
  async #checkLeftOver(): Promise<void> {
    await this.#until(monotonic() + 5000);
    if (this.#fault !== null) throw new ScriptFailure(this.#fault);
    const flow = this.#flows.current;
    const [left] = flow.queue;
    if (left === undefined || this.#rules.mode !== "strict") return;
    throw new ScriptFailure("a packet that no line expects", null, { seen: seenView(left, flow) });
  }
}

const MAKES_DESCRIPTOR: ReadonlySet<string> = new Set([
  "socket",
  "accept",
  "accept4",
  "epoll_create",
  "epoll_create1",
]);

/** Calls that change which connection the script deals with. */
const CHANGES: ReadonlySet<string> = new Set(["accept", "accept4", "bind", "listen", "connect", "sendto"]);

function isPacket(action: ScriptEvent["action"]): action is Packet {
  return action.kind === "tcp" || action.kind === "udp" || action.kind === "icmp";
}

function isListening(rows: readonly SocketRow[], port: number): boolean {
  return rows.some((row) => row.isListening && row.localPort === port);
}

/** What `promise` gives, or null if that takes longer than until `deadline`. */
async function within<T>(promise: Promise<T>, deadline: Micros): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), Math.max(0, (deadline - monotonic()) / 1000));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
