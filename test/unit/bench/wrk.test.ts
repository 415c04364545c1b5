import { describe, expect, it } from "vitest";
import { Failure } from "../../../bench/failure.ts";
import { socketFactsOf } from "../../../bench/socket-facts.ts";
import { retransmissionsOf, wrkArguments, wrkReport } from "../../../bench/wrk.ts";

const PRINTED = `Running 2s test @ http://10.77.0.2/100
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.98ms  512.00us  12.01ms   91.00%
    Req/Sec    32.10k     1.02k   33.90k    80.00%
  Latency Distribution
     50%  950.00us
     75%    2.12ms
     90%    2.50ms
     99%    1.20s ${""}
  64000 requests in 2.00s, 14.20MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
Requests/sec:  32000.50
Transfer/sec:      7.10MB
0m0.001s 0m0.002s
0m1.250s 0m0.500s
`;

describe("wrk", () => {
  it("what it prints becomes a client's report, with the CPU time that the shell says of it", () => {
    expect(wrkReport(PRINTED)).toEqual({
      value: 32_000.5,
      total: 64_000,
      p50us: 950,
      p99us: 1.2e6,
      errors: 10,
      retransmits: 0,
      cpuSeconds: 1.75,
    });
  });

  it("a run without an answer, or with refusals, is a failure and not a figure", () => {
    expect(() => wrkReport("  0 requests in 2.00s, 0.00B read\n")).toThrow(Failure);
    expect(() =>
      wrkReport(PRINTED.replace("Requests/sec", "  Non-2xx or 3xx responses: 7\nRequests/sec")),
    ).toThrow(/7 of 64000/);
  });

  it("is told to keep connections or to close them, and takes IPv6 in brackets", () => {
    const errand = { connections: 64, keepAlive: true, bytes: 100 };
    expect(wrkArguments("10.77.0.2", errand, 2).join(" ")).toBe(
      "-t1 -c64 -d2s --latency --timeout 15s http://10.77.0.2/100",
    );
    const closing = wrkArguments("fd77::2", { ...errand, keepAlive: false }, 2).join(" ");
    expect(closing).toContain("-H Connection: close http://[fd77::2]/100");
  });
});

describe("the kernel's own word", () => {
  it("RetransSegs is found by its name in /proc/net/snmp", () => {
    const snmp = "Ip: A B\nIp: 1 2\nTcp: RtoAlgorithm RetransSegs InErrs\nTcp: 1 42 0\n";
    expect(retransmissionsOf(snmp)).toBe(42);
  });

  it("congestion control and MSS of a socket are in what ss -ti prints, or it says that they are not", () => {
    const shown =
      "0 0 10.77.0.1:4000 10.77.0.2:7 cubic wscale:8,8 rto:201 rtt:0.05/0.02 mss:1448 pmtu:1500\n";
    expect(socketFactsOf(shown)).toEqual({ congestion: "cubic", mss: 1448 });
    expect(socketFactsOf("")).toEqual({ congestion: "an unknown control", mss: 0 });
  });
});
