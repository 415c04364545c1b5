import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatAddress,
  formatIpv6,
  isBroadcast,
  isLimitedBroadcast,
  isLoopback,
  isMulticast,
  isUnspecified,
  matchesPrefix,
  parseIpv4Address,
  parseIpv6Address,
  parsePrefix,
} from "../../../src/base/address.ts";

const v4 = (text: string): number => parseIpv4Address(text)!;
const v6 = (text: string): Int32Array => parseIpv6Address(text)!;

describe("IPv4 addresses", () => {
  test("are int32 keys in network order, and print as they were read", () => {
    expect(v4("10.77.0.2")).toBe(0x0a4d0002);
    expect(v4("255.255.255.255")).toBe(-1);
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(formatAddress(4, v4(text))).toBe(text);
      }),
    );
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.04",
    "1..2.3",
    ".1.2.3.4",
    "1.2.3.4.",
  ])("RFC 6943 3.1.1: not a strict dotted quad: '%s'", (text) => expect(parseIpv4Address(text)).toBeNull());

  test("any string is read exactly when node:net takes it for an IPv4 address", () => {
    const near = fc.array(fc.constantFrom("0", "1", "25", "255", "256", ".", " ", "-", "x"), {
      maxLength: 9,
    });
    fc.assert(
      fc.property(near, (parts) => {
        const text = parts.join("");
        expect(parseIpv4Address(text) !== null).toBe(isIPv4(text));
      }),
      { numRuns: 3000 },
    );
  });

  test("RFC 1122 3.2.1.3: the special ones are known for what they are", () => {
    expect([isUnspecified(0), isUnspecified(1)]).toEqual([true, false]);
    expect([isLoopback(v4("127.255.0.1")), isLoopback(v4("128.0.0.1"))]).toEqual([true, false]);
    expect(
      ["223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0"].map((a) => isMulticast(v4(a))),
    ).toEqual([false, true, true, false]);
    expect([isLimitedBroadcast(-1), isLimitedBroadcast(v4("10.77.0.255"))]).toEqual([true, false]);
    const network = v4("10.77.0.2");
    expect(isBroadcast(v4("10.77.0.255"), network, 24)).toBe(true);
    expect(isBroadcast(v4("10.77.1.255"), network, 24)).toBe(false);
    expect(isBroadcast(v4("10.77.0.254"), network, 24)).toBe(false);
    expect(isBroadcast(-1, network, 24)).toBe(true);
    expect(isBroadcast(v4("10.77.0.3"), network, 31)).toBe(false);
    expect(isBroadcast(v4("10.77.0.2"), network, 32)).toBe(false);
  });
});

describe("IPv6 addresses", () => {
  // The examples and rules of RFC 5952 4 and 5.
  test.each([
    ["::", "::"],
    ["::1", "::1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["FD77::ABCD", "fd77::abcd"],
    ["::ffff:10.77.0.2", "::ffff:10.77.0.2"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
  ])("RFC 5952: %s prints as %s", (text, printed) => {
    expect(formatIpv6(v6(text))).toBe(printed);
  });

  test("any string is read exactly when node:net takes it for an IPv6 address, and comes back from its print", () => {
    const near = fc.array(fc.constantFrom(":", "::", "0", "1", "ffff", "12345", "g", "1.2.3.4", "fe80"), {
      maxLength: 17,
    });
    const text = fc.oneof(
      fc.ipV6(),
      near.map((parts) => parts.join("")),
      near.map((parts) => parts.join(":")),
    );
    fc.assert(
      fc.property(text, (text) => {
        const words = parseIpv6Address(text);
        expect(words !== null).toBe(isIPv6(text));
        if (words !== null) expect(v6(formatIpv6(words))).toEqual(words);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("prefixes", () => {
  test("match by their leading bits, and only their own family", () => {
    const prefix = parsePrefix("10.77.0.2/20")!;
    expect(prefix).toEqual({ family: 4, words: Int32Array.of(0x0a4d0002), bits: 20 });
    expect(matchesPrefix(prefix, Int32Array.of(v4("10.77.15.255")))).toBe(true);
    expect(matchesPrefix(prefix, Int32Array.of(v4("10.77.16.0")))).toBe(false);
    expect(matchesPrefix(parsePrefix("0.0.0.0/0")!, Int32Array.of(-1))).toBe(true);
    const wide = parsePrefix("fd77:0:0:8000::/49")!;
    expect(matchesPrefix(wide, v6("fd77::ffff:0:0:0:1"))).toBe(true);
    expect(matchesPrefix(wide, v6("fd77:0:0:7fff::1"))).toBe(false);
    expect(matchesPrefix(wide, Int32Array.of(0))).toBe(false);
    expect(parsePrefix("10.77.0.2")!.bits).toBe(32);
    expect(parsePrefix("fd77::2")!.bits).toBe(128);
  });

  test.each(["10.77.0.2/33", "10.77.0.2/", "10.77.0.2/-1", "10.77.0.2/08", "fd77::/129", "x/8", "/8"])(
    "malformed: %s",
    (text) => expect(parsePrefix(text)).toBeNull(),
  );
});
