/** What ACKs report of duplicates and of a FIN ahead (RFC 2883, RFC 2018). */
import { describe, expect, test } from "vitest";
import { accepted } from "./rig.ts";

describe("DSACK", () => {
  test("RFC 2883 4.2: of a segment that covers what is held, the part held is reported, then the block it is in", () => {
    const { peer } = accepted({ sack: true });
    expect(peer.says(".", 21, 1, { text: 10 })).toEqual([". 1:1(0) ack 1 <21-31>"]);
    expect(peer.says(".", 11, 1, { text: 15 })).toEqual([". 1:1(0) ack 1 <21-26> <11-31>"]);
    expect(peer.says(".", 26, 1, { text: 10 })).toEqual([". 1:1(0) ack 1 <26-31> <11-36>"]);
  });

  test("RFC 2883 4.2: a segment that fills a gap and covers held text reports that text", () => {
    const { peer } = accepted({ sack: true });
    peer.says(".", 11, 1, { text: 10 });
    expect(peer.says(".", 1, 1, { text: 15 })).toEqual([". 1:1(0) ack 21 <11-16>"]);
  });

  test("RFC 2883 4.3: of two pieces the first is reported", () => {
    const { peer } = accepted({ sack: true });
    peer.says(".", 11, 1, { text: 5 });
    peer.says(".", 21, 1, { text: 5 });
    expect(peer.says(".", 6, 1, { text: 25 })).toEqual([". 1:1(0) ack 1 <11-16> <6-31>"]);
  });
});

describe("a FIN ahead of a gap", () => {
  test("RFC 2018 3: takes a number in the block of its text, alone and in order", () => {
    const { peer } = accepted({ sack: true });
    expect(peer.says("F.", 11, 1, { text: 5 })).toEqual([". 1:1(0) ack 1 <11-17>"]);
    const bare = accepted({ sack: true });
    expect(bare.peer.says("F.", 11, 1)).toEqual([". 1:1(0) ack 1 <11-12>"]);
    expect(bare.peer.says(".", 1, 1, { text: 10 })).toEqual([". 1:1(0) ack 12"]);
  });
});
