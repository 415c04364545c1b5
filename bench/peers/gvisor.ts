/** The peer gVisor netstack: Debian's package of its sources, built with Debian's Go and our program, without a network. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { BENCH, BUILD } from "../paths.ts";
import { compile } from "./compile.ts";
import { fetchPackages } from "./debian.ts";
import type { Peer } from "./peer.ts";

const SOURCE = join(BENCH, "peers", "gvisor");
const PROGRAM = join(BUILD, "peers", "gvisor");
const NETSTACK = "golang-gvisor-gvisor-dev";

/** A packet at a time, or with super-segments through an endpoint of ours. */
export function gvisor(mode: "packet" | "gso"): Peer {
  return {
    command: (device, mtu) => [PROGRAM, mode, device, String(mtu)],
    build(_mtu, progress) {
      const { root, versions } = fetchPackages([NETSTACK, "golang-go"], "golang-", progress);
      const compiler = goIn(root);
      const sources = readdirSync(SOURCE).map((name) => join(SOURCE, name));
      compile(PROGRAM, sources, [compiler.go, "build", "-o", PROGRAM, ...sources], compiler.environment);
      return { gvisor: versions[NETSTACK]!, go: compiler.version };
    },
  };
}

function goIn(root: string): { go: string; version: string; environment: Record<string, string> } {
  const folder = readdirSync(join(root, "usr", "lib")).find((name) => /^go-\d/.test(name));
  if (folder === undefined) throw new Failure("the packages hold no Go compiler");
  const home = join(root, "usr", "lib", folder);
  return {
    go: join(home, "bin", "go"),
    version: folder.slice("go-".length),
    environment: {
      GOROOT: home,
      GOPATH: join(root, "usr", "share", "gocode"),
      GOCACHE: join(BUILD, "go-cache"),
      GO111MODULE: "off",
      GOTOOLCHAIN: "local",
      GOFLAGS: "",
      CGO_ENABLED: "0",
    },
  };
}
