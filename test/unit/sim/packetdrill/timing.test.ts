import { describe, expect, it } from "vitest";
import { toleranceOf } from "../../../../src/sim/packetdrill/timing.ts";
import { ACCEPTED, run } from "./scripts.ts";

const RESENT = `${ACCEPTED}
+0 write(4, ..., 1000) = 1000
+0 > P. 1:1001(1000) ack 1
`;

describe("when events happen", () => {
  it("lets an event be off by the tolerance, or by an eighth of the time since the one before", () => {
    expect(toleranceOf({ us: 4_000, share: 0.125 }, 8_000)).toBe(4_000);
    expect(toleranceOf({ us: 4_000, share: 0.125 }, 1_000_000)).toBe(125_000);
  });

  it("a minute of script takes no time", () => {
    const text = `${ACCEPTED}\n+60 %{ assert tcpi_state == TCP_ESTABLISHED }%\n`;
    const started = performance.now();
    const verdict = run(text);
    expect(verdict).toMatchObject({ status: "pass", atUs: 60_100_000 });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it("rejects a packet before its time and one after it", () => {
    expect(run(RESENT).status).toBe("pass");
    expect(run(RESENT.replace("+0 > P.", "+.05 > P."))).toMatchObject({ status: "fail" });
    expect(run(RESENT.replace("+0 > P.", "+.05 > P.")).message).toContain("too early");
    const late = run(`${RESENT}+.01 > P. 1:1001(1000) ack 1\n`);
    expect(late).toMatchObject({ status: "fail", message: "expected a packet, and none came" });
  });

  it("takes a packet at any time after *, and within a range", () => {
    expect(run(`${RESENT}* > P. 1:1001(1000) ack 1\n`).status).toBe("pass");
    expect(run(`${RESENT}+0~+.6 > P. 1:1001(1000) ack 1\n`).status).toBe("pass");
    expect(run(`${RESENT}+0~+.01 > P. 1:1001(1000) ack 1\n`).status).toBe("fail");
  });

  it("a blocking call runs beside the events and ends when it should", () => {
    const reading = (end: string): string => `${ACCEPTED}
+0...${end} read(4, ..., 100) = 10
+.5 < P. 1:11(10) ack 1 win 512
+0 > . 1:1(0) ack 11
`;
    expect(run(reading("0.5")).status).toBe("pass");
    expect(run(reading("0.2"))).toMatchObject({ status: "fail" });
    expect(run(reading("0.9"))).toMatchObject({ status: "fail" });
  });
});
