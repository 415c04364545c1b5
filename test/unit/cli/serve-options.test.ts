import { describe, expect, it } from "vitest";
import { CliError } from "../../../src/cli/cli-error.ts";
import { type RawOptions, readServeOptions } from "../../../src/cli/serve-options.ts";

const DEFAULTS: RawOptions = {
  ...{
    tun: "utcp%d",
    host: "10.77.0.1/24",
    stack: "10.77.0.2",
    mtu: "1500",
    queues: "1",
    offload: true,
    bigTcp: false,
    api: "raw",
  },
  ...{ echo: "7", discard: "9", chargen: "19", http: "80", keep: "0" },
};

function complaint(different: RawOptions): string {
  try {
    readServeOptions({ ...DEFAULTS, ...different });
  } catch (error) {
    expect(error).toBeInstanceOf(CliError);
    expect((error as CliError).exitCode).toBe(2);
    return (error as CliError).message;
  }
  return "accepted";
}

describe("options of serve", () => {
  it("have the design's defaults", () => {
    expect(readServeOptions(DEFAULTS)).toEqual({
      ...{
        tun: "utcp%d",
        host: "10.77.0.1/24",
        stack: "10.77.0.2",
        prefixLength: 24,
        v6: { host: "fd77::1/64", stack: "fd77::2", prefixLength: 64, isDefault: true },
        mtu: 1500,
        bigTcp: false,
        ...{ queues: 1, steering: "auto", offload: true },
      },
      ...{ mssClamp: null, congestion: "cubic", spinUs: null, pcap: null, control: null, api: "raw" },
      services: { echo: 7, discard: 9, chargen: 19, http: 80, keep: 0 },
    });
  });

  it("leave IPv6 out where it is refused, or where nobody asked for it and the link is too narrow", () => {
    expect(readServeOptions({ ...DEFAULTS, stack6: "none" }).v6).toBeNull();
    expect(readServeOptions({ ...DEFAULTS, mtu: "1279" }).v6).toBeNull();
    expect(readServeOptions({ ...DEFAULTS, stack6: "fd77::9" }).v6).toEqual({
      ...{ host: "fd77::1/64", stack: "fd77::9", prefixLength: 64, isDefault: false },
    });
  });

  const MISUSE: [string, RawOptions, RegExp][] = [
    [
      "a congestion control that is none",
      { congestion: "vegas" },
      /--congestion takes .*cubic.*newreno.*bbr.*vegas/,
    ],
    ["an MTU that is no number", { mtu: "big" }, /^--mtu takes a whole number from 576 to 65535, not 'big'$/],
    ["an MTU below what every host takes", { mtu: "575" }, /^--mtu takes .* not '575'$/],
    ["an MTU above the largest packet", { mtu: "65536" }, /^--mtu takes .* not '65536'$/],
    ["a negative MTU", { mtu: "-1500" }, /^--mtu takes/],
    ["an MTU in hexadecimal", { mtu: "0x5dc" }, /^--mtu takes/],
    ["a port above 65535", { echo: "65536" }, /^--echo takes a whole number from 0 to 65535, not '65536'$/],
    ["a port that is a name", { http: "www" }, /^--http takes/],
    ["an empty port", { discard: "" }, /^--discard takes/],
    ["two services on one port", { http: "7" }, /^--echo and --http both ask for port 7$/],
    [
      "a host without its prefix",
      { host: "10.77.0.1" },
      /^--host takes an IPv4 address and its prefix length/,
    ],
    ["a host prefix above 32", { host: "10.77.0.1/33" }, /^--host takes/],
    ["a host with leading zeros", { host: "10.077.0.1/24" }, /^--host takes/],
    ["an IPv6 host", { host: "fd77::1/64" }, /^--host takes an IPv4 address/],
    ["the network as host", { host: "10.77.0.0/24" }, /names the network 10\.77\.0\.0\/24 itself$/],
    [
      "the broadcast address as host",
      { host: "10.77.0.255/24" },
      /is the broadcast address of 10\.77\.0\.0\/24$/,
    ],
    ["a loopback host", { host: "127.0.0.1/8" }, /^--host takes a unicast address: .* is loopback$/],
    ["a multicast host", { host: "224.0.0.1/24" }, /is multicast$/],
    ["a stack that is no address", { stack: "10.77.0" }, /^--stack takes an IPv4 address/],
    ["a stack with a prefix", { stack: "10.77.0.2/24" }, /without a prefix length, not '10\.77\.0\.2\/24'$/],
    ["a stack equal to the host", { stack: "10.77.0.1" }, /^--stack takes an address of its own/],
    [
      "a stack outside the prefix",
      { stack: "10.78.0.2" },
      /inside --host's network 10\.77\.0\.0\/24, not '10\.78\.0\.2'$/,
    ],
    ["a stack outside a /32", { host: "10.77.0.1/32" }, /inside --host's network 10\.77\.0\.1\/32/],
    ["the broadcast address as stack", { stack: "10.77.0.255" }, /^--stack takes a host's address/],
    [
      "an IPv6 host without its prefix",
      { host6: "fd77::1" },
      /^--host6 takes an IPv6 address and its prefix/,
    ],
    ["an IPv6 stack with a prefix", { stack6: "fd77::2/64" }, /^--stack6 takes .*, without a prefix length/],
    [
      "an IPv6 stack that is a group",
      { stack6: "ff02::1" },
      /^--stack6 takes a unicast address: .* multicast$/,
    ],
    ["an IPv6 stack elsewhere", { stack6: "fd78::2" }, /^--stack6 takes an address inside --host6's network/],
    ["one IPv6 address for both", { stack6: "fd77:0::1" }, /^--stack6 takes an address of its own/],
    ["IPv6 over too narrow a link", { mtu: "1279", stack6: "fd77::3" }, /^--mtu 1279: IPv6 needs 1280/],
    ["too many queues", { queues: "65" }, /^--queues takes a whole number from 1 to 64, not '65'/],
    ["another steering", { steering: "hand" }, /^--steering takes auto or bpf or kernel, not 'hand'/],
    ["no queue", { queues: "0" }, /^--queues takes a whole number/],
    ["a spin that is no number", { spin: "fast" }, /^--spin takes/],
    [
      "a spin longer than the device takes",
      { spin: "10001" },
      /^--spin takes a whole number from 0 to 10000/,
    ],
    ["an unknown API", { api: "fast" }, /^--api takes raw or net, not 'fast'$/],
    [
      "a device name of 16 bytes",
      { tun: "abcdefghijklmnop" },
      /^--tun takes an interface name of at most 15/,
    ],
    ["a device name with a slash", { tun: "../eth0" }, /^--tun takes/],
    ["an empty control path", { control: "" }, /^--control takes a path/],
    ["an empty capture path", { pcap: "" }, /^--pcap takes a path/],
  ];
  it.each(MISUSE)("refuse %s in one line", (_, different, line) => {
    const message = complaint(different);
    expect(message).toMatch(line);
    expect(message).not.toContain("\n");
  });

  it("take a /31, which has neither a network nor a broadcast address (RFC 3021 2.1)", () => {
    expect(complaint({ host: "10.77.0.0/31", stack: "10.77.0.1" })).toBe("accepted");
  });

  it("take both ends of the MTU's range, and two services that are off", () => {
    expect(complaint({ mtu: "576" })).toBe("accepted");
    expect(complaint({ mtu: "65535" })).toBe("accepted");
    expect(complaint({ echo: "0", http: "0" })).toBe("accepted");
  });
});
