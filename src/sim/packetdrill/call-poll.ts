/** poll, epoll_create, epoll_ctl, epoll_wait. */
import type { Expression, SystemCall } from "./ast.ts";
import { type Attempt, type CallContext, type CallOutcome, done, failed, newDescriptor } from "./calls.ts";
import { constant } from "./constants.ts";
import type { Watch } from "./descriptors.ts";
import { fieldOf, numberOf, Unsupported } from "./expression.ts";
import { readiness, unaskedEvents } from "./readiness.ts";

/** The call's attempt; null: not one of these. */
export function pollCall(call: SystemCall, context: CallContext): Attempt | null {
  switch (call.name) {
    case "poll":
      return poll(call, context);
    case "epoll_create":
    case "epoll_create1":
      return () => {
        const fd = newDescriptor(call, context);
        context.descriptors.polls.set(fd, new Map());
        return done(fd);
      };
    case "epoll_ctl":
      return () => epollControl(call, context);
    case "epoll_wait":
      return epollWait(call, context);
    default:
      return null;
  }
}

/** When a call that began now and waits `ms` milliseconds is over; -1 waits for ever. */
function deadline(ms: number, context: CallContext): number {
  return ms < 0 ? Number.POSITIVE_INFINITY : context.machine.now + ms * 1000;
}

function poll(call: SystemCall, context: CallContext): Attempt {
  const list = call.arguments[0];
  if (list?.kind !== "array") throw new Unsupported("poll without a list");
  const until = deadline(numberOf(call.arguments[2], context.profile) ?? -1, context);
  return () => {
    let ready = 0;
    let complaint: string | null = null;
    for (const item of list.items) {
      const seen = eventsOf(item, context);
      if (seen !== 0) ready++;
      const expected = numberOf(fieldOf(item, "revents"), context.profile);
      if (expected !== null && expected !== seen) {
        complaint ??= `revents: expected 0x${expected.toString(16)}, got 0x${seen.toString(16)}`;
      }
    }
    if (ready === 0 && context.machine.now < until) return null;
    return done(ready, complaint);
  };
}

function eventsOf(item: Expression, context: CallContext): number {
  const { profile } = context;
  const fd = numberOf(fieldOf(item, "fd"), profile) ?? -1;
  const socket = context.descriptors.sockets.get(fd);
  if (socket === undefined) return constant("POLLNVAL", profile)!;
  const asked = numberOf(fieldOf(item, "events"), profile) ?? 0;
  return readiness(socket, profile) & (asked | unaskedEvents(profile));
}

function epollControl(call: SystemCall, context: CallContext): CallOutcome {
  const number = (i: number): number => numberOf(call.arguments[i], context.profile) ?? -1;
  const watches = context.descriptors.polls.get(number(0));
  if (watches === undefined) return failed("EBADF");
  const fd = number(2);
  if (!context.descriptors.sockets.has(fd)) return failed("EBADF");
  const operation = number(1);
  const event = call.arguments[3];
  const events = numberOf(fieldOf(event, "events"), context.profile) ?? 0;
  const data = numberOf(fieldOf(event, "fd", "ptr", "u32", "u64"), context.profile) ?? fd;
  const watch: Watch = { events, data, seen: 0, isDisabled: false };
  if (operation === constant("EPOLL_CTL_DEL", context.profile)) {
    return watches.delete(fd) ? done(0) : failed("ENOENT");
  }
  const adds = operation === constant("EPOLL_CTL_ADD", context.profile);
  if (adds === watches.has(fd)) return failed(adds ? "EEXIST" : "ENOENT");
  watches.set(fd, watch);
  return done(0);
}

/** Events of one watch that are to be reported; edge-triggered ones once for each piece of news. */
function reportOf(fd: number, watch: Watch, context: CallContext): number {
  const socket = context.descriptors.sockets.get(fd);
  if (socket === undefined || watch.isDisabled) return 0;
  const has = (name: string): boolean => (watch.events & constant(name, context.profile)!) !== 0;
  const events = readiness(socket, context.profile) & (watch.events | unaskedEvents(context.profile));
  if (events === 0 || (has("EPOLLET") && watch.seen === socket.stamp)) return 0;
  watch.seen = socket.stamp;
  if (has("EPOLLONESHOT")) watch.isDisabled = true;
  return events;
}

function epollWait(call: SystemCall, context: CallContext): Attempt {
  const number = (i: number): number => numberOf(call.arguments[i], context.profile) ?? -1;
  const until = deadline(number(3), context);
  const expected = call.arguments[1];
  const wanted = expected?.kind === "array" ? expected.items : expected === undefined ? [] : [expected];
  return () => {
    const watches = context.descriptors.polls.get(number(0));
    if (watches === undefined) return failed("EBADF");
    let ready = 0;
    let complaint: string | null = null;
    for (const [fd, watch] of watches) {
      const events = reportOf(fd, watch, context);
      if (events === 0) continue;
      complaint ??= differs(wanted[ready], events, watch.data, context);
      ready++;
    }
    if (ready === 0 && context.machine.now < until) return null;
    return done(ready, complaint);
  };
}

function differs(
  item: Expression | undefined,
  events: number,
  data: number,
  context: CallContext,
): string | null {
  const wantedEvents = numberOf(fieldOf(item, "events"), context.profile);
  const wantedData = numberOf(fieldOf(item, "fd", "ptr", "u32", "u64"), context.profile);
  if (wantedEvents !== null && wantedEvents !== events) {
    return `events: expected 0x${wantedEvents.toString(16)}, got 0x${events.toString(16)}`;
  }
  return wantedData === null || wantedData === data ? null : `data: expected ${wantedData}, got ${data}`;
}
