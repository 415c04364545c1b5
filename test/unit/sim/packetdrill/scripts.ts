/** Scripts run in tests: parsed and run, with a beginning that many share. */
import { parseScript } from "../../../../src/sim/packetdrill/parse-script.ts";
import { runScript } from "../../../../src/sim/packetdrill/run.ts";
import type { Mode, Profile, Verdict } from "../../../../src/sim/packetdrill/verdict.ts";

/** Runs `text`. */
export function run(text: string, mode: Mode = "lenient", profile: Profile = "linux"): Verdict {
  return runScript(parseScript(text, { file: "test.pkt", platform: profile }), { profile, mode });
}

/** A listening socket 3 and an accepted connection 4, no options but MSS and window scale. */
export const ACCEPTED = `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <mss 1460,nop,wscale 8>
+.1 < . 1:1(0) ack 1 win 512
+0 accept(3, ..., ...) = 4
`;
