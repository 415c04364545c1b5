/**
 * The events of a script, one after the other: time is moved to each, calls are made, packets injected, and what the stack
 * sends is taken from its flow's queue, first in, first out.
 */
import type { Micros } from "../../base/time.ts";
import { KIND_FREE, KIND_TCB, KIND_TIME_WAIT } from "../../stack/flow-table.ts";
import { DEFAULT_CONFIG } from "../../tcp/config.ts";
import { SYN_SENT } from "../../tcp/state.ts";
import type { Tcb } from "../../tcp/tcb.ts";
import {
  type Code,
  type Command,
  type Packet,
  type Script,
  type ScriptEvent,
  type SystemCall,
  TCP_FLAGS,
  type TcpPacket,
} from "./ast.ts";
import { buildIcmp, buildTcp, buildUdp } from "./build.ts";
import { complaintAbout } from "./call-judge.ts";
import { nextRemotePort } from "./call-socket.ts";
import { type Attempt, type CallContext, type CallOutcome, callContext, startCall } from "./calls.ts";
import { evaluateCode } from "./code-evaluate.ts";
import type { CodeValue } from "./code-value.ts";
import { runCommand } from "./commands.ts";
import { Unsupported } from "./expression.ts";
import { type Flow, Flows } from "./flow.ts";
import { FREEBSD_CONSTANTS, infoOf } from "./inspect-info.ts";
import type { Machine, Sent } from "./machine.ts";
import { continues, differences, type MatchRules, merge, timestampOf } from "./match.ts";
import type { Network } from "./network.ts";
import { profileConfig } from "./profiles.ts";
import { ScriptFailure } from "./script-failure.ts";
import { readSent, type Seen } from "./seen.ts";
import { DEFAULT_TOLERANCE, type Due, dueAt, type Tolerance, toleranceOf } from "./timing.ts";
import type { RunOptions } from "./verdict.ts";
import { bothViews, expectedView, seenView } from "./view.ts";

/** A blocking call that is under way. */
interface Pending {
  readonly call: SystemCall;
  readonly attempt: Attempt;
  readonly endAt: Micros;
  readonly tolerance: Micros;
}

/** One run. */
export class Interpreter {
  /** Of the event at hand. */
  line: number | null = null;
  readonly #script: Script;
  readonly #machine: Machine;
  readonly #network: Network;
  readonly #options: RunOptions;
  readonly #flows = new Flows();
  readonly #calls: CallContext;
  readonly #begin: Micros;
  readonly #tolerance: Tolerance;
  readonly #rules: MatchRules;
  readonly #nonFatal: ReadonlySet<string>;
  readonly #variables: Map<string, CodeValue> = new Map();
  #pending: Pending[] = [];
  #fault: string | null = null;
  /** The end of the event before, and when it was due if it was an inbound packet. */
  #last: Micros;
  #lastInboundDue: Micros | null = null;

  constructor(script: Script, machine: Machine, network: Network, options: RunOptions) {
    this.#script = script;
    this.#machine = machine;
    this.#network = network;
    this.#options = options;
    this.#begin = machine.now;
    this.#last = machine.now;
    this.#calls = callContext(machine, network, this.#flows, options.profile);
    const option = (name: string): string | null | undefined =>
      script.options.findLast((candidate) => candidate.name === name)?.value;
    this.#tolerance = {
      us: Number(option("tolerance_usecs") ?? DEFAULT_TOLERANCE.us),
      share: Number(option("tolerance_percent") ?? DEFAULT_TOLERANCE.share * 100) / 100,
    };
    this.#rules = {
      mode: options.mode,
      tsTickUs: Number(option("tcp_ts_tick_usecs") ?? 0),
      toleranceUs: this.#tolerance.us,
    };
    this.#nonFatal = new Set((option("non_fatal") ?? "").split(","));
    machine.onSent = (sent) => this.#take(sent);
  }

  /** Virtual time since the script began. */
  get elapsed(): Micros {
    return this.#machine.now - this.#begin;
  }

  /** The stack's clock. */
  get now(): Micros {
    return this.#machine.now;
  }

  /** The TCB of the flow under test; null: it has none. */
  tcbUnderTest(): Tcb | null {
    const socket = this.#calls.underTest;
    if (socket?.tcb != null) return socket.tcb;
    const slot = this.#slotOf(this.#flows.current);
    return slot < 0 ? null : (this.#machine.stack.tcbs[slot] ?? null);
  }

  /** Runs all events. Throws `ScriptFailure`, `Unsupported`, `Unbuildable`. */
  run(): void {
    for (const command of this.#script.init) this.#command(command);
    for (const event of this.#script.events) {
      this.line = event.line;
      this.#event(event);
      if (this.#fault !== null) throw new ScriptFailure(this.#fault);
    }
    this.#finishPending();
    for (const command of this.#script.cleanup) this.#command(command);
    this.#machine.settle();
    if (this.#fault !== null) throw new ScriptFailure(this.#fault);
    this.#checkLeftOver();
  }

  #event({ time, action }: ScriptEvent): void {
    const isInbound = isPacket(action) && action.direction === "inbound";
    const base = isInbound && this.#lastInboundDue !== null ? this.#lastInboundDue : this.#last;
    const due = dueAt(time, this.#begin, base);
    if (isPacket(action) && action.direction === "outbound") {
      this.#outbound(action, due);
    } else {
      this.#runUntil(due.from);
      this.#last = this.#machine.now;
      if (isPacket(action)) this.#inbound(action);
      else if (action.kind === "syscall")
        this.#call(action, base, time.kind.startsWith("absolute") ? this.#begin : base);
      else if (action.kind === "command") this.#command(action);
      else this.#code(action);
    }
    this.#lastInboundDue = isInbound ? due.from : null;
  }

  /** Lets time go on; blocking calls that can end do. */
  #runUntil(time: Micros): void {
    while (this.#step(time)) if (this.#fault !== null) return;
  }

  /** One instant further, to `limit` at most. False: `limit` is reached. */
  #step(limit: Micros): boolean {
    const overdue = Math.min(...this.#pending.map(({ endAt, tolerance }) => endAt + tolerance));
    const until = Math.min(limit, overdue);
    const went = this.#machine.step(until);
    this.#tryPending();
    if (!went && until < limit) {
      const late = this.#pending.find(({ endAt, tolerance }) => endAt + tolerance <= this.#machine.now);
      if (late === undefined) return this.#machine.now < limit;
      throw new ScriptFailure(`${late.call.name}() still blocks at its end`, late.call.line);
    }
    return went;
  }

  #command(command: Command): void {
    this.line = command.line;
    const { stack } = this.#machine;
    const failure = runCommand(command.text, {
      stack,
      restoreDefaults: () => {
        const { congestion } = stack.config;
        Object.assign(stack.config, DEFAULT_CONFIG, profileConfig(this.#options.profile), { congestion });
      },
      flushCaches: () => stack.fastOpen.clear(),
      sleep: (us) => this.#runUntil(this.#machine.now + us),
    });
    this.#machine.settle();
    this.#last = this.#machine.now;
    if (failure !== null) throw new ScriptFailure(failure);
  }

  #code(code: Code): void {
    const info = infoOf(this.tcbUnderTest(), this.#calls);
    const outcome = evaluateCode(code, {
      variables: this.#variables,
      lookup: (name) => {
        const value =
          info(name) ?? (this.#options.profile === "freebsd" ? FREEBSD_CONSTANTS[name] : undefined);
        if (value === undefined && name.startsWith("tcpi_")) throw new Unsupported(`the field ${name}`);
        return value;
      },
    });
    if (!outcome.ok) throw new ScriptFailure(outcome.message, outcome.line);
  }

  // Calls.

  #call(call: SystemCall, base: Micros, endBase: Micros): void {
    this.#finishPending();
    const attempt = startCall(call, this.#calls);
    const first = attempt();
    this.#machine.settle();
    if (call.endUs !== null) {
      const endAt = endBase + call.endUs;
      const tolerance = toleranceOf(this.#tolerance, endAt - base);
      const pending: Pending = { call, attempt, endAt, tolerance };
      if (first !== null) this.#endPending(pending, first);
      else {
        this.#pending.push(pending);
        this.#tryPending();
      }
      return;
    }
    const outcome = first ?? this.#block(attempt);
    if (outcome === null) throw new ScriptFailure(`${call.name}() blocks`);
    this.#judge(call, outcome);
    this.#last = this.#machine.now;
  }

  /** A call that blocks where the script has no time for it: as long as it may, everything else waits. */
  #block(attempt: Attempt): CallOutcome | null {
    const until = this.#machine.now + BLOCK_MAX;
    for (;;) {
      const outcome = attempt();
      this.#machine.settle();
      if (outcome !== null) return outcome;
      if (!this.#step(until)) return attempt();
    }
  }

  #tryPending(): void {
    for (const pending of [...this.#pending]) {
      const outcome = pending.attempt();
      this.#machine.settle();
      if (outcome === null) continue;
      this.#pending.splice(this.#pending.indexOf(pending), 1);
      this.#endPending(pending, outcome);
    }
  }

  #endPending({ call, endAt, tolerance }: Pending, outcome: CallOutcome): void {
    this.#judge(call, outcome);
    const off = this.#machine.now - endAt;
    if (Math.abs(off) > tolerance) {
      throw new ScriptFailure(
        `${call.name}() ended ${Math.abs(off)} us too ${off < 0 ? "early" : "late"}`,
        call.line,
      );
    }
  }

  #finishPending(): void {
    while (this.#pending.length > 0) if (!this.#step(this.#machine.now + BLOCK_MAX)) break;
    const left = this.#pending[0];
    if (left !== undefined) throw new ScriptFailure(`${left.call.name}() never ended`, left.call.line);
  }

  #judge(call: SystemCall, outcome: CallOutcome): void {
    const complaint = complaintAbout(call, outcome, this.#options.profile);
    if (complaint === null || this.#nonFatal.has("syscall")) return;
    throw new ScriptFailure(`${call.name}(): ${complaint}`, call.line);
  }

  // Packets to the stack.

  #inbound(packet: Packet): void {
    if (packet.kind === "tcp") this.#prepareFlow(packet);
    const flow = this.#flows.current;
    if (packet.kind === "tcp") this.#machine.input(buildTcp(packet, flow, this.#network));
    else if (packet.kind === "icmp") this.#machine.input(buildIcmp(packet, flow, this.#network));
    else this.#machine.input(buildUdp(packet, flow, this.#network));
    this.#tryPending();
    this.#last = this.#machine.now;
  }

  /** The flow a segment belongs to, and the peer's ISN if the segment says it. */
  #prepareFlow(packet: TcpPacket): void {
    if (packet.udpEncapsulation !== null) throw new Unsupported("TCP in UDP");
    const { listening } = this.#calls;
    if (listening !== null) {
      const flow = this.#flows.open(
        listening.boundPort!,
        packet.ports?.source ?? nextRemotePort(this.#calls),
      );
      flow.remoteIsn = packet.sequence.start;
      this.#calls.listening = null;
      this.#calls.underTest = null;
      return;
    }
    if ((packet.flags & TCP_FLAGS.SYN) === 0) return;
    const flow = this.#flows.current;
    const slot = this.#slotOf(flow);
    const kind = slot < 0 ? -1 : this.#machine.stack.flows.kind(slot);
    if (slot < 0) {
      // A closed port answers relative to what was before.
      if (this.#isListening(flow.localPort)) flow.restart(packet.sequence.start);
    } else if (kind === KIND_TCB && this.#machine.stack.tcbs[slot]?.state === SYN_SENT) {
      flow.remoteIsn = packet.sequence.start;
    } else if (kind === KIND_TIME_WAIT) flow.nextIsn = packet.sequence.start;
  }

  #isListening(port: number): boolean {
    for (const listener of this.#machine.stack.listeners.all) if (listener.port === port) return true;
    return false;
  }

  #slotOf(flow: Flow): number {
    const { flows } = this.#machine.stack;
    for (let slot = 0; slot < flows.capacity; slot++) {
      if (flows.kind(slot) === KIND_FREE) continue;
      if (flows.localPort(slot) === flow.localPort && flows.remotePort(slot) === flow.remotePort) return slot;
    }
    return -1;
  }

  // Packets from the stack.

  #take(sent: Sent): void {
    for (const seen of readSent(sent)) {
      if (seen.fault !== null) this.#fault ??= `the stack sent a packet with a wrong ${seen.fault}`;
      if (seen.protocol !== "tcp") continue;
      this.#flows.find(seen.sourcePort, seen.destinationPort)?.queue.push(seen);
    }
  }

  #outbound(packet: Packet, due: Due): void {
    if (packet.kind !== "tcp") throw new Unsupported(`an outbound ${packet.kind} packet`);
    if (packet.udpEncapsulation !== null) throw new Unsupported("TCP in UDP");
    const expected = packet;
    const tolerance = toleranceOf(this.#tolerance, due.from - this.#last);
    const latest = due.isAny ? this.#machine.now + BLOCK_MAX : due.to + tolerance;
    const flow = this.#flows.current;
    const seen = this.#await(expected, flow, latest);
    if (seen === null) {
      if (this.#nonFatal.has("packet")) return;
      throw new ScriptFailure("expected a packet, and none came", null, { expected: expectedView(expected) });
    }
    this.#learn(expected, seen, flow);
    const differing = differences(expected, seen, flow, this.#rules);
    const views = { ...bothViews(expected, seen, flow, this.#rules.mode), differing };
    if (differing.length > 0 && !this.#nonFatal.has("packet")) {
      throw new ScriptFailure(`the packet differs in ${differing.join(", ")}`, null, views);
    }
    const off = seen.at < due.from ? seen.at - due.from : Math.max(0, seen.at - due.to);
    if (!due.isAny && Math.abs(off) > tolerance && !this.#nonFatal.has("packet")) {
      const how = off < 0 ? "early" : "late";
      throw new ScriptFailure(`the packet came ${Math.abs(Math.round(off))} us too ${how}`, null, views);
    }
    this.#last = seen.at;
  }

  /** The next segments of the flow, merged up to the expected length. */
  #await(expected: TcpPacket, flow: Flow, latest: Micros): Seen | null {
    const parts: Seen[] = [];
    let length = 0;
    for (;;) {
      while (flow.queue.length > 0) {
        const next = flow.queue[0]!;
        if (
          parts.length > 0 &&
          (!continues(parts, next) || length + next.length > expected.sequence.length)
        ) {
          return merge(parts);
        }
        parts.push(next);
        flow.queue.shift();
        length += next.length;
        if (length >= expected.sequence.length) return merge(parts);
      }
      if (this.#fault !== null) throw new ScriptFailure(this.#fault);
      if (!this.#step(latest) && flow.queue.length === 0) return parts.length === 0 ? null : merge(parts);
    }
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
  #checkLeftOver(): void {
    if (this.#options.mode !== "strict") return;
    const flow = this.#flows.current;
    const [left] = flow.queue;
    if (left === undefined) return;
    throw new ScriptFailure("a packet that no line expects", null, { seen: seenView(left, flow) });
  }
}

function isPacket(action: ScriptEvent["action"]): action is Packet {
  return action.kind === "tcp" || action.kind === "udp" || action.kind === "icmp";
}

/** So long may a call block, or anything be waited for: no script takes longer. */
const BLOCK_MAX: Micros = 1_000_000_000;
