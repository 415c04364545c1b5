/**
 * What a stack counts beside TCP: IP and ICMP, by the names of /proc/net/snmp, and dropped packets by reason.
 */
import { DROP_NAMES, type Drop } from "../wire/drop.ts";

/** Counters of IP and ICMP. */
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
  InMcastPkts = 0;
  OutRequests = 0;
  OutOctets = 0;
  OutDiscards = 0;
  /** Packets sent in fragments, those that found no room, and the fragments. */
  FragOKs = 0;
  FragFails = 0;
  FragCreates = 0;
  /** TCP segments by the IP header's ECN field (Linux: IpExt; both families here). */
  InNoECTPkts = 0;
  InECT1Pkts = 0;
  InECT0Pkts = 0;
  InCEPkts = 0;
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
  IcmpOutEchoReps = 0;
  IcmpOutDestUnreachs = 0;
  IcmpOutParmProbs = 0;
  IcmpOutTimeExcds = 0;
}

/** Counts a packet by its ECN field (RFC 3168 5). */
export function countCodepoint(ip: IpCounters, ecn: number): void {
  if (ecn === 0) ip.InNoECTPkts++;
  else if (ecn === 2) ip.InECT0Pkts++;
  else if (ecn === 1) ip.InECT1Pkts++;
  else ip.InCEPkts++;
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
