/** The peer lwIP: Debian's source package compiled together with our program, once for each MTU. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { BENCH, BUILD } from "../paths.ts";
import { compile } from "./compile.ts";
import { fetchSource } from "./debian.ts";
import type { Peer } from "./peer.ts";

const OURS = join(BENCH, "peers");

export const LWIP: Peer = {
  command: (device, mtu) => [program(mtu), device],
  build(mtu, progress) {
    const { folder, version } = fetchSource("lwip", progress);
    const parts = ["core", "core/ipv4", "core/ipv6"].flatMap((part) => cFiles(join(folder, "src", part)));
    const own = [join(OURS, "lwip.c"), join(OURS, "lwip", "lwipopts.h"), join(OURS, "lwip", "arch", "cc.h")];
    const include = [`-I${join(OURS, "lwip")}`, `-I${join(folder, "src", "include")}`];
    // lwIP's segments and windows are the compiler's business: so is the MTU.
    const flags = ["-O3", "-std=gnu11", `-DMTU=${mtu}`, ...include];
    compile(program(mtu), own, ["cc", ...flags, "-o", program(mtu), own[0]!, ...parts]);
    return { lwip: version };
  },
};

function program(mtu: number): string {
  return join(BUILD, "peers", `lwip-${mtu}`);
}

function cFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(folder, name));
}
