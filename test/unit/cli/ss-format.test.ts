import { describe, expect, it } from "vitest";
import { general, parseServices, timerText } from "../../../src/cli/socket-words.ts";
import { formatSs, formatSummary, type SsView } from "../../../src/cli/ss-format.ts";
import type { SocketRow } from "../../../src/stack/inspect.ts";
import { STATE_NAMES } from "../../../src/tcp/state.ts";
import { listenerRow, snapshotOf, socketRow, tcpInfo } from "./rows.ts";

const PLAIN: SsView = {
  ...{
    header: true,
    state: true,
    timers: false,
    extended: false,
    memory: false,
    info: false,
    oneline: false,
  },
  ...{ names: null, process: null },
};

function lines(rows: SocketRow[], view: Partial<SsView> = {}): string[] {
  return formatSs(rows, { ...PLAIN, ...view })
    .trimEnd()
    .split("\n");
}

describe("ss columns", () => {
  // The same sockets on the kernel, printed by iproute2 6.1 into a pipe: columns as wide as the widest cell.
  it("are laid out as iproute2's", () => {
    const rows = [
      listenerRow({ localAddress: "127.0.0.1", localPort: 80, sendQ: 128 }),
      listenerRow({ localAddress: "0.0.0.0", sendQ: 5 }),
      socketRow({ state: "FIN-WAIT-2", localAddress: "127.0.0.1", localPort: 7, remoteAddress: "127.0.0.1" }),
      socketRow({ recvQ: 3000, localAddress: "127.0.0.1", remoteAddress: "127.0.0.1", remotePort: 58856 }),
      socketRow({
        ...{ state: "CLOSE-WAIT", recvQ: 1, localAddress: "127.0.0.1", localPort: 42926 },
        ...{ remoteAddress: "127.0.0.1", remotePort: 7 },
      }),
    ];
    expect(lines(rows)).toEqual([
      "State      Recv-Q Send-Q Local Address:Port  Peer Address:Port Process",
      "LISTEN     0      128        127.0.0.1:80         0.0.0.0:*",
      "LISTEN     0      5            0.0.0.0:7          0.0.0.0:*",
      "FIN-WAIT-2 0      0          127.0.0.1:7        127.0.0.1:42926",
      "ESTAB      3000   0          127.0.0.1:80       127.0.0.1:58856",
      "CLOSE-WAIT 1      0          127.0.0.1:42926    127.0.0.1:7",
    ]);
  });

  it("leave out the state where one was asked for", () => {
    expect(lines([socketRow()], { state: false })).toEqual([
      "Recv-Q Send-Q Local Address:Port Peer Address:Port Process",
      "0      0          10.77.0.2:80      10.77.0.1:42926",
    ]);
  });

  it("are narrower without a header, and show ports by name without -n", () => {
    const names = parseServices("http\t\t80/tcp\twww\ndomain 53/udp\nwww2 80/tcp\n");
    expect(lines([socketRow()], { header: false, names })).toEqual([
      "ESTAB 0 0 10.77.0.2:http 10.77.0.1:42926",
    ]);
  });

  it("show a listener on both families as '*', on IPv6 alone as '[::]'", () => {
    const row = { family: 6, localAddress: "::", remoteAddress: "::", localPort: 7 } as const;
    const listeners = [
      listenerRow(row),
      listenerRow({ ...row, v6Only: true }),
      listenerRow({ ...row, localAddress: "fd77::2" }),
    ];
    expect(lines(listeners).slice(1)).toEqual([
      expect.stringMatching(/ \*:7 +\*:\*$/),
      expect.stringMatching(/ \[::\]:7 +\[::\]:\*$/),
      expect.stringMatching(/ \[fd77::2\]:7 +\[::\]:\*$/),
    ]);
  });

  it("bracket IPv6 addresses", () => {
    const row = socketRow({ family: 6, localAddress: "fd77::2", remoteAddress: "fd77::1" });
    expect(lines([row])[1]).toBe("ESTAB 0      0          [fd77::2]:80      [fd77::1]:42926");
  });

  it("print every state under ss's name", () => {
    const printed = STATE_NAMES.map(
      (state) => lines([socketRow({ state })], { header: false })[0]!.split(" ")[0],
    );
    expect(printed).toEqual([
      ...["UNCONN", "LISTEN", "SYN-SENT", "SYN-RECV", "ESTAB", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT"],
      ...["CLOSING", "LAST-ACK", "TIME-WAIT"],
    ]);
  });
});

describe("ss extras", () => {
  it("-o prints the timer after the columns", () => {
    const timer = { name: "on", expiresMs: 200, retransmits: 2 } as const;
    expect(lines([socketRow({ timer })], { timers: true, header: false })).toEqual([
      "ESTAB 0 0 10.77.0.2:80 10.77.0.1:42926 timer:(on,200ms,2)",
    ]);
  });

  it("-i prints tcp_info on a line of its own, in iproute2's order and units", () => {
    const busy = tcpInfo({
      ...{
        backoff: 1,
        snd_ssthresh: 7,
        bytes_retrans: 1448,
        unacked: 4,
        retrans: 1,
        total_retrans: 2,
        lost: 1,
      },
      ...{
        sacked: 2,
        dsack_dups: 1,
        reordering: 5,
        reord_seen: 1,
        rcv_rtt: 1500,
        notsent_bytes: 99,
        rcv_ooopack: 3,
      },
      ...{ pacing_rate: 1_000, max_pacing_rate: 2_000, delivery_rate: 900, delivery_rate_app_limited: true },
      ...{ busy_time: 40_000, rwnd_limited: 10_000, sndbuf_limited: 4_000, delivered_ce: 1 },
      ...{ ecn: true, ecn_seen: true, syn_data: true },
      ...{ total_rto: 3, total_rto_recoveries: 2, total_rto_time: 612 },
    });
    expect(lines([socketRow({ info: busy })], { info: true, header: false })[1]).toBe(
      "\t ts sack ecn ecnseen fastopen cubic wscale:7,10 rto:204 backoff:1 rtt:0.026/0.013 ato:40 mss:1448 pmtu:1500 rcvmss:536 " +
        "advmss:1448 cwnd:10 ssthresh:7 bytes_sent:3000 bytes_retrans:1448 bytes_acked:3001 segs_out:3 segs_in:2 " +
        "data_segs_out:1 send 4455384615bps lastsnd:224 lastrcv:225 lastack:226 pacing_rate 8000bps/16000bps delivery_rate 7200bps " +
        "delivered:2 delivered_ce:1 app_limited busy:40ms rwnd_limited:10ms(25.0%) sndbuf_limited:4ms(10.0%) unacked:4 retrans:1/2 " +
        "lost:1 sacked:2 dsack_dups:1 reordering:5 reord_seen:1 rcv_rtt:1.5 rcv_space:14480 rcv_ssthresh:64088 " +
        "notsent:99 minrtt:0.01 rcv_ooopack:3 snd_wnd:65536 rcv_wnd:65536 total_rto:3 total_rto_recoveries:2 total_rto_time:612ms",
    );
  });

  it("-i leaves out what is 0, an infinite ssthresh and the usual reordering", () => {
    const text = lines([socketRow({ info: tcpInfo() })], { info: true, header: false })[1];
    expect(text).not.toMatch(/ssthresh:2147|reordering|retrans|unacked|bytes_received|backoff|ecn/);
  });

  it("-i keeps its line for a socket without tcp_info, and shows a listener's queues", () => {
    expect(lines([socketRow({ state: "TIME-WAIT" })], { info: true, header: false })[1]).toBeUndefined();
    expect(formatSs([socketRow({ state: "TIME-WAIT" })], { ...PLAIN, info: true, header: false })).toMatch(
      /\n\t\n$/,
    );
    expect(lines([listenerRow()], { info: true, header: false })[1]).toBe(
      "\t synq:1/1024 acceptq:0/511 accepted:3",
    );
  });

  it("-O puts everything on one line", () => {
    expect(lines([listenerRow()], { info: true, header: false, oneline: true })).toHaveLength(1);
  });

  it("-e tells which ways this side and the peer have closed", () => {
    const arrow = (state: SocketRow["state"]) =>
      lines([socketRow({ state, id: 26 })], { extended: true, header: false })[0]!.split(" ino:0 ")[1];
    expect(arrow("ESTABLISHED")).toBe("sk:1a <->");
    expect(arrow("CLOSE-WAIT")).toBe("sk:1a -->");
    expect(arrow("FIN-WAIT-2")).toBe("sk:1a <--");
    expect(arrow("LAST-ACK")).toBe("sk:1a ---");
    expect(arrow("TIME-WAIT")).toBe("sk:1a");
  });

  it("-m and -p print memory and the process", () => {
    const row = socketRow({ recvQ: 5, sendQ: 6, info: tcpInfo() });
    const [first, second] = lines([row], {
      memory: true,
      header: false,
      process: 'users:(("usertcp",pid=9))',
    });
    expect(first).toMatch(/42926 users:\(\("usertcp",pid=9\)\)$/);
    expect(second).toBe("\t skmem:(r5,rb14480,t0,tb6,f0,w6,o0,bl0,d0)");
  });
});

describe("ss -s", () => {
  it("counts by state, and says what was dropped and why", () => {
    const rows = [listenerRow(), socketRow(), socketRow({ state: "TIME-WAIT" }), socketRow({ family: 6 })];
    expect(
      formatSummary(snapshotOf(rows, { drops: { "tcp-checksum": 2, "ip-not-ours": 1 } })).split("\n"),
    ).toEqual([
      "Total: 3",
      "TCP:   4 (estab 2, closed 1, orphaned 0, timewait 1)",
      "",
      "Transport Total     IP        IPv6",
      "TCP\t  3         2         1",
      "INET\t  3         2         1",
      "",
      "Drops: 3 (tcp-checksum 2, ip-not-ours 1)",
      "",
    ]);
  });
});

describe("ss numbers", () => {
  it.each([
    [0, ""],
    [200, "200ms"],
    [1200, "1.200ms"],
    [9000, "9sec"],
    [59_700, "59sec"],
    [65_000, "1min5sec"],
    [7_199_700, "119min"],
  ])("a timer of %i ms reads '%s', as print_ms_timer has it", (ms, text) => {
    expect(timerText(ms)).toBe(text);
  });

  it("are C's %g: six significant digits", () => {
    expect([0.026, 204, 1.23456789, 123456.7].map(general)).toEqual(["0.026", "204", "1.23457", "123457"]);
  });
});
