import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { type Seq, seq, toInt } from "../../../src/base/seq.ts";
import { SECOND } from "../../../src/base/time.ts";
import {
  COOKIE_MSS,
  type CookieOptions,
  cookieTimestamp,
  readCookieTimestamp,
  SynCookies,
} from "../../../src/tcp/syn-cookie.ts";

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => 11 * i + 5);
const LOCAL = 0x0a4d0002;
const REMOTE = 0x0a4d0001;
const IRS = seq(-5);
const cookies = new SynCookies(SECRET);

const make = (mss: number, now: number): Seq => cookies.encode(4, LOCAL, REMOTE, 80, 40_000, IRS, mss, now);
const read = (cookie: Seq, now: number): number =>
  cookies.decode(4, LOCAL, REMOTE, 80, 40_000, IRS, cookie, now);

describe("SYN cookies (RFC 4987 3.6)", () => {
  test.each([
    [0, 536],
    [535, 536],
    [536, 536],
    [1219, 536],
    [1439, 1400],
    [1440, 1440],
    [1452, 1440],
    [1459, 1440],
    [1460, 1460],
    [8960, 8940],
    [65_495, 65_475],
  ])(
    "a peer's MSS of %i comes back as %i, never more than it offered but for the default",
    (mss, carried) => {
      expect(read(make(mss, 0), 0)).toBe(carried);
    },
  );

  test("hold for at least one minute, and never for two, also 32 minutes later when the counter comes round", () => {
    for (const made of [0, 59.9 * SECOND, 60 * SECOND, 31.5 * 60 * SECOND, 1.7e15]) {
      const cookie = make(1460, made);
      expect(read(cookie, made)).toBe(1460);
      expect(read(cookie, made + 60 * SECOND)).toBe(1460);
      for (const later of [120, 180, 31 * 60, 32 * 60, 33 * 60, 64 * 60]) {
        expect(read(cookie, made + later * SECOND)).toBe(0);
      }
      expect(read(cookie, made - 60 * SECOND)).toBe(0);
    }
  });

  test("are refused for any other flow, initial sequence number or secret", () => {
    const cookie = make(1460, 0);
    expect(cookies.decode(6, LOCAL, REMOTE, 80, 40_000, IRS, cookie, 0)).toBe(0);
    expect(cookies.decode(4, LOCAL + 1, REMOTE, 80, 40_000, IRS, cookie, 0)).toBe(0);
    expect(cookies.decode(4, LOCAL, REMOTE + 1, 80, 40_000, IRS, cookie, 0)).toBe(0);
    expect(cookies.decode(4, LOCAL, REMOTE, 81, 40_000, IRS, cookie, 0)).toBe(0);
    expect(cookies.decode(4, LOCAL, REMOTE, 80, 40_001, IRS, cookie, 0)).toBe(0);
    expect(cookies.decode(4, LOCAL, REMOTE, 80, 40_000, seq(-4), cookie, 0)).toBe(0);
    const other = new SynCookies(SECRET.map((b) => b ^ 128));
    expect(other.decode(4, LOCAL, REMOTE, 80, 40_000, IRS, cookie, 0)).toBe(0);
  });

  test("are refused with any one bit changed", () => {
    for (let i = 0; i < 50; i++) {
      const cookie = make(COOKIE_MSS[i % 8]!, i * 7 * SECOND);
      for (let bit = 0; bit < 32; bit++) {
        expect(read(seq(toInt(cookie) ^ (1 << bit)), i * 7 * SECOND)).toBe(0);
      }
    }
  });

  test("a guess that knows minute and MSS hits one time in 2^24", () => {
    const random = new Random(7);
    const now = 90 * SECOND;
    const head = toInt(make(1460, now)) & ~0xffffff;
    let hits = 0;
    // 2^19 guesses, 0.03 hits expected; two of them have a chance of 1 in 2,000.
    for (let i = 0; i < 1 << 19; i++) {
      if (read(seq(head | (random.next() & 0xffffff)), now) !== 0) hits++;
    }
    expect(hits).toBeLessThan(2);
  });

  test("the MACs of flows that differ in one bit agree in half their bits", () => {
    let agree = 0;
    for (let remote = 0; remote < 2000; remote++) {
      const a = toInt(cookies.encode(4, LOCAL, remote, 80, 1, IRS, 1460, 0)) & 0xffffff;
      const b = toInt(cookies.encode(4, LOCAL, remote ^ 1, 80, 1, IRS, 1460, 0)) & 0xffffff;
      for (let bit = 0; bit < 24; bit++) if ((((a ^ b) >>> bit) & 1) === 0) agree++;
    }
    expect(agree / (2000 * 24)).toBeCloseTo(0.5, 1);
  });
});

describe("options in the cookie's timestamp", () => {
  test("come back, and the timestamp is neither ahead of the clock nor 128 ticks behind", () => {
    const out: CookieOptions = { wscale: 0, sackPermitted: false, ecn: false };
    fc.assert(
      fc.property(
        fc.oneof(fc.integer(), fc.constantFrom(0, 1, 63, 64, -1, -0x80000000, 0x7fffffff)),
        fc.integer({ min: -1, max: 14 }),
        fc.boolean(),
        fc.boolean(),
        (now, wscale, sackPermitted, ecn) => {
          const stamp = cookieTimestamp(now, wscale, sackPermitted, ecn);
          readCookieTimestamp(stamp, out);
          expect(out).toEqual({ wscale, sackPermitted, ecn });
          const behind = (now - stamp) | 0;
          expect(behind).toBeGreaterThanOrEqual(0);
          expect(behind).toBeLessThan(128);
        },
      ),
    );
  });
});
