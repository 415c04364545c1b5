import { describe, expect, it } from "vitest";
import { formatNetstat, type NetstatView } from "../../../src/cli/netstat-format.ts";
import { formatStatistics } from "../../../src/cli/netstat-statistics.ts";
import { STATE_NAMES } from "../../../src/tcp/state.ts";
import { listenerRow, snapshotOf, socketRow } from "./rows.ts";

const NAT: NetstatView = { which: "all", timers: false, process: null, names: null, wide: false };
const lines = (...of: Parameters<typeof formatNetstat>): string[] =>
  formatNetstat(...of)
    .trimEnd()
    .split("\n");

describe("netstat -nat", () => {
  // The same sockets on the kernel, printed by net-tools 2.10.
  it("is laid out as net-tools'", () => {
    const rows = [
      listenerRow({ localAddress: "127.0.0.1", localPort: 80 }),
      socketRow({ recvQ: 3000, localAddress: "127.0.0.1", remoteAddress: "127.0.0.1", remotePort: 58856 }),
      listenerRow({ family: 6, localAddress: "::", localPort: 9 }),
    ];
    expect(lines(rows, NAT)).toEqual([
      "Active Internet connections (servers and established)",
      "Proto Recv-Q Send-Q Local Address           Foreign Address         State",
      "tcp        0      0 127.0.0.1:80            0.0.0.0:*               LISTEN",
      "tcp     3000      0 127.0.0.1:80            127.0.0.1:58856         ESTABLISHED",
      "tcp6       0      0 :::9                    :::*                    LISTEN",
    ]);
  });

  it("prints every state under netstat's name", () => {
    const printed = STATE_NAMES.map((state) =>
      lines([socketRow({ state })], NAT)[2]!
        .split(/\s+/)
        .pop(),
    );
    expect(printed).toEqual([
      ...["CLOSE", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT"],
      ...["CLOSING", "LAST_ACK", "TIME_WAIT"],
    ]);
  });

  it("says which sockets it holds", () => {
    expect(lines([], { ...NAT, which: "connected" })[0]).toBe("Active Internet connections (w/o servers)");
    expect(lines([], { ...NAT, which: "listening" })[0]).toBe("Active Internet connections (only servers)");
  });

  it("cuts a long address before its port, unless wide", () => {
    const row = socketRow({ family: 6, localAddress: "2001:db8:1234:5678:9abc:def0:1234:5678" });
    expect(lines([row], NAT)[2]).toContain(" 2001:db8:1234:5678:9:80 ");
    expect(lines([row], { ...NAT, wide: true })[2]).toContain("5678:80 ");
  });

  it("-o and -p add timer and process", () => {
    const timer = { name: "timewait", expiresMs: 59_700, retransmits: 0 } as const;
    const view = { ...NAT, timers: true, process: "6328/usertcp" };
    expect(lines([socketRow({ state: "TIME-WAIT", timer }), socketRow()], view).slice(1)).toEqual([
      "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    Timer",
      "tcp        0      0 10.77.0.2:80            10.77.0.1:42926         TIME_WAIT   -                   timewait (59.70/0/0)",
      "tcp        0      0 10.77.0.2:80            10.77.0.1:42926         ESTABLISHED 6328/usertcp        off (0.00/0/0)",
    ]);
  });
});

describe("netstat -s", () => {
  it("gives counters their sentences, others their names, and drops their reasons", () => {
    const counters = {
      ...{ InReceives: 9, ActiveOpens: 3, InSegs: 16, DelayedACKs: 1, TCPDelivered: 7, TCPTimeouts: 0 },
      ...{ IcmpInEchos: 2, InOctets: 800, TCPLossProbes: 4, TCPFullUndo: 1, InCEPkts: 3 },
      ...{ Ip6InReceives: 5, Ip6ReasmReqds: 2, Ip6InOctets: 300, Ip6InCEPkts: 1 },
      ...{
        Icmp6InMsgs: 3,
        Icmp6InPktTooBigs: 1,
        Icmp6InEchos: 2,
        Icmp6OutEchoReplies: 2,
        Icmp6InCsumErrors: 6,
      },
    };
    const text = formatStatistics(snapshotOf([socketRow()], { counters, drops: { "tcp-checksum": 2 } }));
    expect(text.split("\n")).toEqual([
      "Ip:",
      "    9 total packets received",
      "    0 incoming packets delivered",
      "    0 requests sent out",
      "Ip6:",
      "    5 total packets received",
      "    0 incoming packets delivered",
      "    0 requests sent out",
      "    2 reassemblies required",
      "    Ip6InOctets: 300",
      "    Ip6InCEPkts: 1",
      "Icmp:",
      "    0 ICMP messages received",
      "    0 input ICMP message failed",
      "    ICMP input histogram:",
      "        echo requests: 2",
      "    0 ICMP messages sent",
      "Icmp6:",
      "    3 ICMP messages received",
      "    0 input ICMP message failed",
      "    0 ICMP messages sent",
      "    ICMP input histogram:",
      "        packets too big: 1",
      "        echo requests: 2",
      "    ICMP output histogram:",
      "        echo replies: 2",
      "    Icmp6InCsumErrors: 6",
      "Tcp:",
      "    3 active connection openings",
      "    0 passive connection openings",
      "    0 failed connection attempts",
      "    0 connection resets received",
      "    1 connections established",
      "    16 segments received",
      "    0 segments sent out",
      "    0 segments retransmitted",
      "    0 bad segments received",
      "    0 resets sent",
      "TcpExt:",
      "    1 delayed acks sent",
      "    1 congestion windows fully recovered without slow start",
      "    TCPDelivered: 7",
      "    TCPLossProbes: 4",
      "IpExt:",
      "    InOctets: 800",
      "    InCEPkts: 3",
      "Drops:",
      "    2 tcp-checksum",
      "",
    ]);
  });
});
