/**
 * What a stack counts beside TCP: IP and ICMP, by the names of /proc/net/snmp and snmp6, and dropped packets by reason.
 */
import { DROP_NAMES, type Drop } from "../wire/drop.ts";

/** Counters of IPv4 and ICMP. */
export class IpCounters {
  InReceives = 0;
  InOctets = 0;
  InDelivers = 0;
  InHdrErrors = 0;
  InAddrErrors = 0;
  InUnknownProtos = 0;
  /** Fragments; packets put together of them; fragments refused and packets given up; those given up for their time; overlaps (IpExt). */
  ReasmReqds = 0;
  ReasmOKs = 0;
  ReasmFails = 0;
  ReasmTimeout = 0;
  ReasmOverlaps = 0;
  OutRequests = 0;
  OutOctets = 0;
  OutDiscards = 0;
  /** Packets sent in fragments, those that found no room, and the fragments. */
  FragOKs = 0;
  FragFails = 0;
  FragCreates = 0;
  /** TCP segments by the IP header's ECN field (Linux: IpExt, any packet). */
  InNoECTPkts = 0;
  InECT1Pkts = 0;
  InECT0Pkts = 0;
  InCEPkts = 0;
  /** Packets of both families that went to the shard they belong to, and those that came so. */
  HandedOver = 0;
  TakenOver = 0;
  IcmpInMsgs = 0;
  IcmpInErrors = 0;
  IcmpInCsumErrors = 0;
  IcmpInDestUnreachs = 0;
  IcmpInTimeExcds = 0;
  IcmpInParmProbs = 0;
  IcmpInSrcQuenchs = 0;
  IcmpInRedirects = 0;
  IcmpInEchos = 0;
  IcmpInEchoReps = 0;
  IcmpOutMsgs = 0;
  IcmpOutEchoReps = 0;
  IcmpOutDestUnreachs = 0;
  IcmpOutTimeExcds = 0;
}

/** Counters of IPv6 and ICMPv6, as `IpCounters` where the names agree. */
export class Ip6Counters {
  Ip6InReceives = 0;
  Ip6InHdrErrors = 0;
  Ip6InAddrErrors = 0;
  Ip6InUnknownProtos = 0;
  Ip6InDelivers = 0;
  Ip6OutRequests = 0;
  Ip6OutDiscards = 0;
  Ip6ReasmTimeout = 0;
  Ip6ReasmReqds = 0;
  Ip6ReasmOKs = 0;
  Ip6ReasmFails = 0;
  Ip6FragOKs = 0;
  Ip6FragFails = 0;
  Ip6FragCreates = 0;
  Ip6InMcastPkts = 0;
  Ip6InOctets = 0;
  Ip6OutOctets = 0;
  Ip6InNoECTPkts = 0;
  Ip6InECT1Pkts = 0;
  Ip6InECT0Pkts = 0;
  Ip6InCEPkts = 0;
  Icmp6InMsgs = 0;
  Icmp6InErrors = 0;
  Icmp6InCsumErrors = 0;
  Icmp6InDestUnreachs = 0;
  Icmp6InPktTooBigs = 0;
  Icmp6InTimeExcds = 0;
  Icmp6InParmProblems = 0;
  Icmp6InEchos = 0;
  Icmp6InEchoReplies = 0;
  Icmp6OutMsgs = 0;
  Icmp6OutDestUnreachs = 0;
  Icmp6OutTimeExcds = 0;
  Icmp6OutParmProblems = 0;
  Icmp6OutEchoReplies = 0;
}

/** Dropped packets, by reason. */
export class DropCounters {
  readonly #counts: Float64Array = new Float64Array(DROP_NAMES.length);

  count(reason: Drop): void {
    this.#counts[reason]!++;
  }

  get(reason: Drop): number {
    return this.#counts[reason]!;
  }

  /** Reasons that happened, by name. */
  toObject(): Record<string, number> {
    const object: Record<string, number> = {};
    this.#counts.forEach((n, reason) => {
      if (n > 0) object[DROP_NAMES[reason]!] = n;
    });
    return object;
  }
}
