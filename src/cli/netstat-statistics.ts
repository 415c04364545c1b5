/**
 * `netstat -s`: the counters of a stack under the sentences of net-tools' statistics.c, in its order and sections; then
 * what was dropped and why, which net-tools can't know. Pure.
 */
import type { StackSnapshot } from "../stack/inspect.ts";

/**
 * A counter and its sentence, "%" standing for the number; "always": net-tools prints it at 0 as well; "input", "output":
 * in that histogram.
 */
type Sentence = readonly [counter: string, text: string, shown?: "always" | "input" | "output"];

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
      ["ReasmFails", "% packet reassemblies failed"],
      ["FragOKs", "% outgoing packets fragmented ok"],
      ["FragFails", "% outgoing packets failed fragmentation"],
      ["FragCreates", "% fragments created"],
    ],
  ],
  [
    "Ip6",
    [
      ["Ip6InReceives", "% total packets received", "always"],
      ["Ip6InHdrErrors", "% with invalid headers"],
      ["Ip6InAddrErrors", "% with invalid addresses"],
      ["Ip6InUnknownProtos", "% with unknown protocol"],
      ["Ip6InDelivers", "% incoming packets delivered", "always"],
      ["Ip6OutRequests", "% requests sent out", "always"],
      ["Ip6OutDiscards", "% outgoing packets dropped"],
      ["Ip6ReasmTimeout", "% fragments dropped after timeout"],
      ["Ip6ReasmReqds", "% reassemblies required"],
      ["Ip6ReasmOKs", "% packets reassembled ok"],
      ["Ip6ReasmFails", "% packet reassemblies failed"],
      ["Ip6FragOKs", "% outgoing packets fragmented ok"],
      ["Ip6FragFails", "% outgoing packets failed fragmentation"],
      ["Ip6FragCreates", "% fragments created"],
      ["Ip6InMcastPkts", "% incoming multicast packets"],
    ],
  ],
  [
    "Icmp",
    [
      ["IcmpInMsgs", "% ICMP messages received", "always"],
      ["IcmpInErrors", "% input ICMP message failed", "always"],
      ["IcmpInDestUnreachs", "destination unreachable: %", "input"],
      ["IcmpInTimeExcds", "timeout in transit: %", "input"],
      ["IcmpInParmProbs", "wrong parameters: %", "input"],
      ["IcmpInSrcQuenchs", "source quenches: %", "input"],
      ["IcmpInRedirects", "redirects: %", "input"],
      ["IcmpInEchos", "echo requests: %", "input"],
      ["IcmpInEchoReps", "echo replies: %", "input"],
      ["IcmpOutMsgs", "% ICMP messages sent", "always"],
      ["IcmpOutDestUnreachs", "destination unreachable: %", "output"],
      ["IcmpOutTimeExcds", "time exceeded: %", "output"],
      ["IcmpOutEchoReps", "echo replies: %", "output"],
    ],
  ],
  [
    "Icmp6",
    [
      ["Icmp6InMsgs", "% ICMP messages received", "always"],
      ["Icmp6InErrors", "% input ICMP message failed", "always"],
      ["Icmp6OutMsgs", "% ICMP messages sent", "always"],
      ["Icmp6InDestUnreachs", "destination unreachable: %", "input"],
      ["Icmp6InPktTooBigs", "packets too big: %", "input"],
      ["Icmp6InTimeExcds", "received ICMPv6 time exceeded: %", "input"],
      ["Icmp6InParmProblems", "parameter problem: %", "input"],
      ["Icmp6InEchos", "echo requests: %", "input"],
      ["Icmp6InEchoReplies", "echo replies: %", "input"],
      ["Icmp6OutDestUnreachs", "destination unreachable: %", "output"],
      ["Icmp6OutTimeExcds", "sent ICMPv6 time exceeded: %", "output"],
      ["Icmp6OutParmProblems", "parameter problem: %", "output"],
      ["Icmp6OutEchoReplies", "echo replies: %", "output"],
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
      ["TWKilled", "% TCP sockets finished time wait in slow timer"],
      ["PAWSActive", "% active connections rejected because of time stamp"],
      ["PAWSEstab", "% packets rejected in established connections because of timestamp"],
      ["DelayedACKs", "% delayed acks sent"],
      ["ListenOverflows", "% times the listen queue of a socket overflowed"],
      ["ListenDrops", "% SYNs to LISTEN sockets dropped"],
      ["TCPHPHits", "% packet headers predicted"],
      ["TCPPureAcks", "% acknowledgments not containing data payload received"],
      ["TCPSackRecovery", "% times recovered from packet loss by selective acknowledgements"],
      ["TCPRenoRecovery", "% times recovered from packet loss due to fast retransmit"],
      ["TCPSACKReneging", "% bad SACK blocks received"],
      ["TCPFullUndo", "% congestion windows fully recovered without slow start"],
      ["TCPPartialUndo", "% congestion windows partially recovered using Hoe heuristic"],
      ["TCPDSACKUndo", "% congestion windows recovered without slow start by DSACK"],
      ["TCPLossUndo", "% congestion windows recovered without slow start after partial ack"],
      ["TCPFastRetrans", "% fast retransmits"],
      ["TCPSlowStartRetrans", "% retransmits in slow start"],
      ["TCPTimeouts", "% other TCP timeouts"],
      ["TCPDSACKOldSent", "% DSACKs sent for old packets"],
      ["TCPDSACKOfoSent", "% DSACKs sent for out of order packets"],
      ["TCPDSACKRecv", "% DSACKs received"],
      ["TCPAbortOnData", "% connections reset due to unexpected data"],
      ["TCPAbortOnClose", "% connections reset due to early user close"],
      ["TCPAbortOnMemory", "% connections aborted due to memory pressure"],
      ["TCPAbortOnTimeout", "% connections aborted due to timeout"],
      ["TCPAbortOnLinger", "% connections aborted after user close in linger timeout"],
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
  "HandedOver",
  "TakenOver",
]);

/** Sections whose counters bear their name, the longer ones first. */
const PREFIXES: readonly string[] = ["Icmp6", "Icmp", "Ip6"];

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
    lines.push(`${section}:`, ...sentencesOf(sentences, counters));
    for (const [name, value] of untold) if (sectionOf(name) === section) lines.push(`    ${name}: ${value}`);
  }
  lines.push("Drops:");
  for (const [reason, count] of Object.entries(snapshot.drops)) lines.push(`    ${count} ${reason}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** Sentences of one section, histograms indented under their headings. */
function sentencesOf(sentences: readonly Sentence[], counters: Readonly<Record<string, number>>): string[] {
  const lines: string[] = [];
  let histogram = "";
  for (const [counter, text, shown] of sentences) {
    const value = counters[counter] ?? 0;
    if (value === 0 && shown !== "always") continue;
    const inHistogram = shown === "input" || shown === "output";
    if (inHistogram && histogram !== shown) lines.push(`    ICMP ${shown} histogram:`);
    histogram = inHistogram ? shown : "";
    lines.push(`${inHistogram ? "        " : "    "}${text.replace("%", String(value))}`);
  }
  return lines;
}

function sectionOf(counter: string): string {
  if (IP_EXT.has(counter)) return "IpExt";
  return PREFIXES.find((prefix) => counter.startsWith(prefix)) ?? "TcpExt";
}
