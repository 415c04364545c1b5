/** What sysctl variables of scripts set. */
import { describe, expect, test } from "vitest";
import { setSysctl } from "../../../../src/sim/packetdrill/sysctl.ts";
import { DEFAULT_CONFIG, type TcpConfig } from "../../../../src/tcp/config.ts";

const after = (name: string, value: string): TcpConfig => {
  const config = { ...DEFAULT_CONFIG };
  expect(setSysctl(config, name, value)).toBe(true);
  return config;
};

describe("sysctl variables that set what the stack has", () => {
  test.each([
    ["net.ipv4.tcp_slow_start_after_idle", "0", { slowStartAfterIdle: false }],
    ["net.ipv4.tcp_frto", "0", { frto: false }],
    ["net.ipv4.tcp_early_retrans", "0", { tlp: false }],
    ["net.ipv4.tcp_early_retrans", "4", { tlp: true }],
    ["net.ipv4.tcp_recovery", "0", { rack: false }],
    ["net.ipv4.tcp_notsent_lowat", "131072", { notSentLowat: 131_072 }],
    ["net.ipv4.tcp_notsent_lowat", "4294967295", { notSentLowat: 0x7fffffff }],
    ["net.ipv4.ip_default_ttl", "32", { ttl: 32 }],
    ["net.inet.ip.ttl", "32", { ttl: 32 }],
    ["net.ipv4.tcp_ecn", "1", { ecn: "on" }],
    ["net.ipv4.tcp_ecn_fallback", "0", { ecnFallback: Number.MAX_SAFE_INTEGER }],
    ["net.ipv4.tcp_ecn_fallback", "1", { ecnFallback: 0 }],
    ["net.inet.tcp.ecn.maxretries", "2", { ecnFallback: 2 }],
    ["net.ipv4.tcp_mtu_probing", "2", { mtuProbing: "always" }],
    ["net.inet.tcp.pmtud_blackhole_detection", "1", { mtuProbing: "blackhole" }],
    ["net.ipv4.tcp_fastopen", "0x603", { fastOpen: 0x603 }],
    ["net.inet.icmp.icmplim", "50", { resets: 50 }],
    ["net.inet.icmp.icmplim", "0", { resets: Number.MAX_SAFE_INTEGER }],
  ])("%s = %s", (name, value, expected) => {
    expect(after(name, value)).toMatchObject(expected);
  });

  test("a variable that nobody knows is said to be unknown, and so is a value that the stack has not", () => {
    expect(setSysctl({ ...DEFAULT_CONFIG }, "net.ipv4.tcp_nonesuch", "1")).toBe(false);
    expect(setSysctl({ ...DEFAULT_CONFIG }, "net.inet.tcp.path_mtu_discovery", "0")).toBe(false);
  });
});
