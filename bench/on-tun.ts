/** Stacks on a TUN device in their client's own namespace: usertcp, and its peers. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { join } from "node:path";
import { listen, type Ready, readyLine } from "./child.ts";
import { Failure } from "./failure.ts";
import {
  addAddress,
  addSources,
  bringUp,
  CLIENT_PAIR,
  createNamespace,
  deviceTowards,
  removeNamespace,
  SOURCES,
  STACK_PAIR,
  STACK_PAIR_6,
  sendSinglePackets,
  spawnIn,
  stop,
  useCubic,
} from "./namespace.ts";
import { clientBehind } from "./on-kernel.ts";
import { CLI, COMPILED, packageVersion, platformVersions, ROOT } from "./paths.ts";
import { type Peer, peerVersions } from "./peers/peer.ts";
import type { RunningTarget, Start, StartSettings } from "./target.ts";

const PEER_DEVICE = "peer0";
/** Packets: a peer without offload has thousands of them in flight, and a full queue would be a loss. */
const PEER_QUEUE = 10_000;

/** usertcp: `usertcp serve` with one of its APIs and `more` arguments, or node:http over the net API. */
export function startUsertcp(api: "raw" | "net", more: readonly string[] = []): Start {
  return async (name, settings, wrap) => {
    const namespace = createNamespace();
    const { child, complaints, ready } = await ran(
      namespace,
      name,
      wrap([...usertcpCommand(api, settings), ...more]),
    );
    const direct = settings.between === "nothing";
    const { client, path } = direct
      ? { client: namespace, path: null }
      : await clientBehind(namespace, settings);
    const { near, far } = settings.family === 4 ? STACK_PAIR : STACK_PAIR_6;
    const device = deviceTowards(client, far);
    const sources = addSources(client, device, direct ? near : CLIENT_PAIR.far, SOURCES);
    if (direct) useCubic(client, device);
    if (!settings.offload) sendSinglePackets(client, device);
    return {
      name,
      clientNamespace: client,
      serverNamespace: namespace,
      router: direct ? null : namespace,
      path,
      host: far,
      sources,
      pid: ready.pid,
      spinUs: settings.spinUs ?? ready.spinUs ?? 0,
      onKernel: false,
      versions: { ...platformVersions(), usertcp: usertcpVersion() },
      notes: { offload: settings.offload ? "on" : "off" },
      ...(ready.control === undefined ? {} : { control: ready.control }),
      process: child,
      complaints,
      stop: async () => {
        await Promise.all([stop(child), path?.stop()]);
        for (const name of new Set([namespace, client])) removeNamespace(name);
      },
    };
  };
}

/** A peer's program, which makes the device and says `ready`; the addresses are given to it here. */
export function startPeer(peer: Peer): Start {
  return async (name, settings): Promise<RunningTarget> => {
    if (settings.between !== "nothing") throw new Failure(`${name} has no place behind a router`);
    if (!settings.offload) throw new Failure(`${name}: its offload is what it is`);
    const namespace = createNamespace();
    const extra = settings.program === "big" ? peer.big! : [];
    const command = [...peer.command(PEER_DEVICE, settings.mtu), ...extra];
    const { child, complaints, ready } = await ran(namespace, name, command);
    const { near, far } = settings.family === 4 ? STACK_PAIR : STACK_PAIR_6;
    bringUp(namespace, PEER_DEVICE, settings.mtu, PEER_QUEUE);
    addAddress(namespace, PEER_DEVICE, near);
    const sources = addSources(namespace, PEER_DEVICE, near, SOURCES);
    useCubic(namespace, PEER_DEVICE);
    return {
      name,
      clientNamespace: namespace,
      serverNamespace: namespace,
      router: null,
      path: null,
      host: far,
      sources,
      pid: ready.pid,
      spinUs: 0,
      onKernel: false,
      versions: { ...platformVersions(), ...peerVersions(peer) },
      notes: {},
      process: child,
      complaints,
      stop: async () => {
        await stop(child);
        removeNamespace(namespace);
      },
    };
  };
}

async function ran(
  namespace: string,
  name: string,
  command: readonly string[],
): Promise<{ child: ChildProcess; complaints: () => string; ready: Ready }> {
  const child = spawnIn(namespace, command, { stdio: ["ignore", "pipe", "pipe"] });
  const complaints = listen(child);
  return { child, complaints, ready: await readyLine(child, name, complaints) };
}

function usertcpCommand(api: "raw" | "net", settings: StartSettings): string[] {
  if (settings.program !== "http") return [process.execPath, CLI, ...serveArguments(api, settings)];
  const { mtu, offload, spinUs, family } = settings;
  const { near, far } = family === 4 ? STACK_PAIR : STACK_PAIR_6;
  const length = family === 4 ? 24 : 64;
  const options = {
    tun: { addresses: [`${near}/${length}`], mtu, offload, ...(spinUs === null ? {} : { spinUs }) },
    addresses: [`${far}/${length}`],
  };
  return [process.execPath, join(COMPILED, "http-server.js"), far, JSON.stringify(options)];
}

/** The arguments of `usertcp serve` for a bench. */
export function serveArguments(
  api: "raw" | "net",
  { mtu, spinUs, offload, congestion, family, program }: StartSettings,
): string[] {
  const args = ["serve", "--api", api, "--mtu", String(mtu), "--http", "0"];
  args.push("--host", `${STACK_PAIR.near}/24`, "--stack", STACK_PAIR.far);
  if (family === 6) args.push("--host6", `${STACK_PAIR_6.near}/64`, "--stack6", STACK_PAIR_6.far);
  if (spinUs !== null) args.push("--spin", String(spinUs));
  if (!offload) args.push("--no-offload");
  if (congestion !== "cubic") args.push("--congestion", congestion);
  if (program === "big") args.push("--big-tcp");
  return args;
}

/** Our version with the commit, and `+` where the checkout has changes that no commit holds. */
function usertcpVersion(): string {
  const git = spawnSync("git", ["-C", ROOT, "describe", "--always", "--dirty=+"], { encoding: "utf8" });
  return git.status === 0 ? `${packageVersion()}-${git.stdout.trim()}` : packageVersion();
}
