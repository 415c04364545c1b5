/**
 * `netstat -s`: the counters of a stack under the sentences of net-tools' statistics.c, in its order and sections; then
 * what was dropped and why, which net-tools can't know. Pure.
 */
import type { StackSnapshot } from "../stack/inspect.ts";

/** A counter and its sentence, "%" standing for the number; "always": net-tools prints it at 0 as well. */
type Sentence = readonly [counter: string, text: string, shown?: "always"];

const SECTIONS: readonly (readonly [section: string, sentences: readonly Sentence[]])[] = [
  [
    "Ip",
    [
      ["InReceives", "% total packets received", "always"],
      ["InHdrErrors", "% with invalid headers"],
      ["InAddrErrors", "% with invalid addresses"],
      ["InUnknownProtos", "% with unknown protocol"],
      ["InDelivers", "% incoming packets delivered", "always"],
      ["OutRequests", "% requests sent out", "always"],
      ["OutDiscards", "% outgoing packets dropped"],
      ["ReasmTimeout", "% fragments dropped after timeout"],
      ["ReasmReqds", "% reassemblies required"],
      ["ReasmOKs", "% packets reassembled ok"],
      ["ReasmFails", "% packet reassembles failed"],
      ["FragOKs", "% fragments received ok"],
      ["FragFails", "% fragments failed"],
      ["FragCreates", "% fragments created"],
    ],
  ],
  [
    "Icmp",
    [
      ["IcmpInMsgs", "% ICMP messages received", "always"],
      ["IcmpInErrors", "% input ICMP message failed", "always"],
      ["IcmpInDestUnreachs", "destination unreachable received: %"],
      ["IcmpInTimeExcds", "timeout in transit: %"],
      ["IcmpInParmProbs", "wrong parameters: %"],
      ["IcmpInSrcQuenchs", "source quenches: %"],
      ["IcmpInRedirects", "redirects: %"],
      ["IcmpInEchos", "echo requests received: %"],
      ["IcmpInEchoReps", "echo replies received: %"],
      ["IcmpOutDestUnreachs", "destination unreachable sent: %"],
      ["IcmpOutEchoReps", "echo replies sent: %"],
    ],
  ],
  [
    "Tcp",
    [
      ["ActiveOpens", "% active connection openings", "always"],
      ["PassiveOpens", "% passive connection openings", "always"],
      ["AttemptFails", "% failed connection attempts", "always"],
      ["EstabResets", "% connection resets received", "always"],
      ["CurrEstab", "% connections established", "always"],
      ["InSegs", "% segments received", "always"],
      ["OutSegs", "% segments sent out", "always"],
      ["RetransSegs", "% segments retransmitted", "always"],
      ["InErrs", "% bad segments received", "always"],
      ["OutRsts", "% resets sent", "always"],
    ],
  ],
  [
    "TcpExt",
    [
      ["SyncookiesSent", "% SYN cookies sent"],
      ["SyncookiesRecv", "% SYN cookies received"],
      ["SyncookiesFailed", "% invalid SYN cookies received"],
      ["TW", "% TCP sockets finished time wait in fast timer"],
      ["TWRecycled", "% time wait sockets recycled by time stamp"],
      ["OutOfWindowIcmps", "% ICMP packets dropped because they were out-of-window"],
      ["PAWSEstab", "% packets rejected in established connections because of timestamp"],
      ["DelayedACKs", "% delayed acks sent"],
      ["ListenOverflows", "% times the listen queue of a socket overflowed"],
      ["ListenDrops", "% SYNs to LISTEN sockets dropped"],
      ["TCPHPHits", "% packet headers predicted"],
      ["TCPPureAcks", "% acknowledgments not containing data payload received"],
      ["TCPSackRecovery", "% times recovered from packet loss by selective acknowledgements"],
      ["TCPRenoRecovery", "% times recovered from packet loss due to fast retransmit"],
      ["TCPFastRetrans", "% fast retransmits"],
      ["TCPSlowStartRetrans", "% retransmits in slow start"],
      ["TCPTimeouts", "% other TCP timeouts"],
      ["TCPDSACKOldSent", "% DSACKs sent for old packets"],
      ["TCPDSACKOfoSent", "% DSACKs sent for out of order packets"],
      ["TCPDSACKRecv", "% DSACKs received"],
      ["TCPAbortOnData", "% connections reset due to unexpected data"],
      ["TCPAbortOnClose", "% connections reset due to early user close"],
      ["TCPAbortOnTimeout", "% connections aborted due to timeout"],
    ],
  ],
  ["IpExt", []],
];

const IP_EXT: ReadonlySet<string> = new Set([
  "InOctets",
  "OutOctets",
  "ReasmOverlaps",
  "InNoECTPkts",
  "InECT1Pkts",
  "InECT0Pkts",
  "InCEPkts",
]);

/** Counters without a sentence go by their name, where they are not 0. */
export function formatStatistics(snapshot: StackSnapshot): string {
  // As Linux has it: connections that are ESTABLISHED or CLOSE-WAIT now (RFC 4022, tcpCurrEstab).
  const established = snapshot.sockets.filter(
    ({ state }) => state === "ESTABLISHED" || state === "CLOSE-WAIT",
  );
  const counters: Record<string, number> = { ...snapshot.counters, CurrEstab: established.length };
  const told = new Set(SECTIONS.flatMap(([, sentences]) => sentences.map(([counter]) => counter)));
  const untold = Object.entries(counters).filter(([name, value]) => !told.has(name) && value !== 0);
  const lines: string[] = [];
  for (const [section, sentences] of SECTIONS) {
    lines.push(`${section}:`);
    for (const [counter, text, shown] of sentences) {
      const value = counters[counter] ?? 0;
      if (value !== 0 || shown === "always") lines.push(`    ${text.replace("%", String(value))}`);
    }
    for (const [name, value] of untold) if (sectionOf(name) === section) lines.push(`    ${name}: ${value}`);
  }
  lines.push("Drops:");
  for (const [reason, count] of Object.entries(snapshot.drops)) lines.push(`    ${count} ${reason}`);
  return lines.map((line) => `${line}\n`).join("");
}

function sectionOf(counter: string): string {
  if (IP_EXT.has(counter)) return "IpExt";
  return counter.startsWith("Icmp") ? "Icmp" : "TcpExt";
}
