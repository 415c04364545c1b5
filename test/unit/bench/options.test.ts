import { describe, expect, it } from "vitest";
import { Failure } from "../../../bench/failure.ts";
import { type BenchOptions, parseArguments } from "../../../bench/options.ts";

/** The one line that a bad command line gets. */
function complaint(...args: string[]): string {
  try {
    parseArguments(args);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).exitCode).toBe(2);
    expect((error as Failure).message).not.toContain("\n");
    return (error as Failure).message;
  }
  throw new Error("it was accepted");
}

describe("npm run bench", () => {
  it("takes a suite and has a default for the rest", () => {
    expect(parseArguments(["kernel"])).toEqual({
      suite: "kernel",
      json: false,
      targets: ["usertcp", "usertcp-net", "node-net", "kernel-c"],
      workloads: ["up", "down", "rr1", "rr1p", "rr64", "crr"],
      seconds: 2,
      warmUp: 1,
      runs: 3,
      mtu: 1500,
      family: 4,
      spinUs: null,
      offload: true,
      between: "nothing",
      congestion: "cubic",
      sizes: [1_000, 10_000, 100_000],
      update: false,
    });
  });

  it("takes numbers of connections for the suite scale, in any order", () => {
    expect(parseArguments(["scale", "--sizes", "20000,1000"])).toMatchObject({ sizes: [1_000, 20_000] });
    expect(complaint("scale", "--sizes", "10")).toContain("from 1000 to 200000");
    expect(complaint("scale", "--sizes", "1000,")).toContain("from 1000 to 200000");
  });

  it("loses packets at a router, one of the wire each, in the suite loss", () => {
    expect(parseArguments(["loss"])).toMatchObject({
      targets: ["usertcp", "kernel-c"],
      workloads: ["up-1", "up-5", "down-1", "down-5"],
      runs: 5,
      offload: false,
      between: "router",
    });
    expect(parseArguments(["loss", "--runs", "2"])).toMatchObject({ runs: 2 });
  });

  it("sets usertcp beside every peer in the suite peers, over either family", () => {
    expect(parseArguments(["peers", "--family", "6"])).toMatchObject({
      targets: [
        "usertcp",
        "usertcp-net",
        "node-net",
        "kernel-c",
        "lwip",
        "gvisor-packet",
        "gvisor-gso",
        "limit",
      ],
      workloads: ["up", "down", "rr1", "rr1p", "rr64", "crr", "down-big"],
      family: 6,
      runs: 3,
      between: "nothing",
    });
  });

  it("asks node:http over 1, 64 and 512 connections, kept or closed, small and large, in the suite http", () => {
    const { targets, workloads } = parseArguments(["http"]) as BenchOptions;
    expect(targets).toEqual(["usertcp-net", "node-net"]);
    expect(workloads).toHaveLength(12);
    expect(workloads).toEqual(expect.arrayContaining(["http-1-keep-100", "http-512-close-64k"]));
  });

  it("takes each option", () => {
    const line =
      "kernel --json --targets node-net,kernel-c --workloads up --seconds 0.5 --runs 5 --mtu 65520";
    expect(parseArguments([...line.split(" "), "--spin", "30", "--no-offload"])).toMatchObject({
      json: true,
      targets: ["node-net", "kernel-c"],
      workloads: ["up"],
      seconds: 0.5,
      runs: 5,
      mtu: 65_520,
      spinUs: 30,
      offload: false,
    });
  });

  it("gives --help as text", () => {
    expect(parseArguments(["--help"])).toContain("--workloads");
  });

  it.each([
    [[], "suite"],
    [["kernel", "--family", "5"], "Allowed choices are 4, 6"],
    [["loss", "--family", "6"], "have IPv4 alone"],
    [["peers", "--family", "6", "--mtu", "1000"], "IPv6 needs 1280 bytes"],
    [["kernle"], "suite 'kernle' is not known"],
    [["kernel", "parse"], "too many arguments"],
    [["kernel", "--fast"], "unknown option '--fast'"],
    [["kernel", "--targets", "lwipp"], "No target 'lwipp'"],
    [["kernel", "--targets", ""], "No target ''"],
    [["kernel", "--workloads", "up,sideways"], "No workload 'sideways'"],
    [["kernel", "--seconds", "0"], "a number from 0.1 to 60"],
    [["kernel", "--seconds", "1e9"], "a number from 0.1 to 60"],
    [["kernel", "--seconds"], "argument missing"],
    [["kernel", "--runs", "2.5"], "a whole number from 1 to 100"],
    [["kernel", "--mtu", "100"], "a whole number from 576 to 65535"],
    [["kernel", "--spin", "-1"], "a whole number from 0"],
  ])("refuses %j with one line and exit code 2", (args, line) => {
    expect(complaint(...args)).toContain(line);
  });
});
