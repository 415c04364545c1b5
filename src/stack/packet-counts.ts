/** What both families have a counter of their own for: packets as they come, are told apart by their ECN field, or find no way out. */
import type { Ip6Counters, IpCounters } from "./counters.ts";

/** Counts a packet by its ECN field (RFC 3168 5). */
export function countCodepoint(ip: IpCounters, ip6: Ip6Counters, family: number, ecn: number): void {
  if (family === 6) countCodepointV6(ip6, ecn);
  else if (ecn === 0) ip.InNoECTPkts++;
  else if (ecn === 2) ip.InECT0Pkts++;
  else if (ecn === 1) ip.InECT1Pkts++;
  else ip.InCEPkts++;
}

function countCodepointV6(ip6: Ip6Counters, ecn: number): void {
  if (ecn === 0) ip6.Ip6InNoECTPkts++;
  else if (ecn === 2) ip6.Ip6InECT0Pkts++;
  else if (ecn === 1) ip6.Ip6InECT1Pkts++;
  else ip6.Ip6InCEPkts++;
}

/** A packet of either family that found no way out. */
export function countDiscarded(ip: IpCounters, ip6: Ip6Counters, family: number): void {
  if (family === 4) ip.OutDiscards++;
  else ip6.Ip6OutDiscards++;
}

/** A packet from a device, before anything is known of it but its version; what has none of the two counts for IPv4. */
export function countReceived(
  ip: IpCounters,
  ip6: Ip6Counters,
  bytes: Uint8Array,
  offset: number,
  length: number,
): void {
  if (length > 0 && bytes[offset]! >> 4 === 6) {
    ip6.Ip6InReceives++;
    ip6.Ip6InOctets += length;
  } else {
    ip.InReceives++;
    ip.InOctets += length;
  }
}
