import { describe, expect, it } from "vitest";
import { parseFilter, passes } from "../../../src/cli/ss-filter.ts";
import type { SocketRow } from "../../../src/stack/inspect.ts";
import { STATE_NAMES } from "../../../src/tcp/state.ts";
import { socketRow } from "./rows.ts";

const NONE = { all: false, listening: false };
const shown = (words: string[], flags = NONE): string[] => {
  const filter = parseFilter(words, flags);
  return STATE_NAMES.filter((state) => passes(filter, socketRow({ state })));
};
const passesRow = (words: string, row: Partial<SocketRow>): boolean =>
  passes(parseFilter([words], NONE), socketRow(row));

describe("ss state filters (ss(8))", () => {
  it("default to connections with a full socket", () => {
    expect(shown([])).toEqual([
      ...["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK"],
    ]);
  });

  it("-a shows all, -l listeners alone", () => {
    expect(shown([], { all: true, listening: false })).toHaveLength(11);
    expect(shown([], { all: false, listening: true })).toEqual(["CLOSED", "LISTEN"]);
  });

  it("'state NAME' replaces the flags, and adds up", () => {
    expect(shown(["state", "established"], { all: true, listening: false })).toEqual(["ESTABLISHED"]);
    expect(shown(["state", "syn-recv", "state", "time-wait"])).toEqual(["SYN-RECEIVED", "TIME-WAIT"]);
    expect(shown(["state bucket"])).toEqual(["SYN-RECEIVED", "TIME-WAIT"]);
  });

  it("'exclude NAME' takes away from all", () => {
    expect(shown(["exclude", "connected"])).toEqual(["CLOSED", "LISTEN"]);
  });

  it("an unknown state is misuse that lists the known ones", () => {
    expect(() => parseFilter(["state", "open"], NONE)).toThrow(/no state 'open': there are all, connected/);
    expect(() => parseFilter(["state"], NONE)).toThrow(/no state ''/);
  });
});

describe("ss conditions (ss(8))", () => {
  it("compare ports", () => {
    expect(passesRow("sport = :80", {})).toBe(true);
    expect(passesRow("( sport = :80 and dport gt 50000 )", {})).toBe(false);
    expect(passesRow("dport >= 42926", {})).toBe(true);
    expect(passesRow("dport != :42926", {})).toBe(false);
  });

  it("compare addresses, prefixes and their ports", () => {
    expect(passesRow("dst 10.77.0.0/24", {})).toBe(true);
    expect(passesRow("dst 10.77.0.1:42926", {})).toBe(true);
    expect(passesRow("dst 10.77.0.1:1", {})).toBe(false);
    expect(passesRow("src 10.78.0.0/16", {})).toBe(false);
    expect(passesRow("dst :42926", {})).toBe(true);
    expect(passesRow("dst != 10.77.0.0/24", {})).toBe(false);
    expect(passesRow("dst fd77::/64", { family: 6, remoteAddress: "fd77::1" })).toBe(true);
  });

  it("that can't be read are misuse", () => {
    expect(() => parseFilter(["porridge"], NONE)).toThrow(/can't read the filter at 'porridge'/);
    expect(() => parseFilter(["dport", "=", "http"], NONE)).toThrow(
      /dport takes a port such as :80, not 'http'/,
    );
    expect(() => parseFilter(["dst", "nowhere"], NONE)).toThrow(/dst takes an address or a prefix/);
  });
});
