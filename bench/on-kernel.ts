/** Servers on the kernel's TCP, joined to their client by a veth pair. */
import type { ChildProcess } from "node:child_process";
import { listen, readyLine } from "./child.ts";
import { Failure } from "./failure.ts";
import {
  addDefaultRoute,
  addSources,
  CLIENT_PAIR,
  CLIENT_PAIR_6,
  createNamespace,
  deviceTowards,
  forward,
  joinByVeth,
  removeNamespace,
  SERVER_PAIR,
  SOURCES,
  sendSinglePackets,
  spawnIn,
  stop,
} from "./namespace.ts";
import { joinByPath, type RunningPath } from "./path.ts";
import { platformVersions } from "./paths.ts";
import type { LinkSettings, Program, Start, StartSettings } from "./target.ts";

/** A server of ours that takes its address as the only argument; one command for each program that it can be. */
export function startOnKernel(
  commands: Readonly<Partial<Record<Program, readonly string[]>>>,
  notes: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
): Start {
  return async (name, settings, wrap) => {
    const command = commands[settings.program];
    if (command === undefined) throw new Failure(`${name} has no program '${settings.program}'`);
    const { server, client, router, host, from, path } = await joined(settings);
    const device = deviceTowards(client, host);
    const sources = addSources(client, device, from, SOURCES);
    if (!settings.offload) {
      sendSinglePackets(server, "veth0");
      sendSinglePackets(client, device);
    }
    const child: ChildProcess = spawnIn(server, wrap([...command, host]), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    const complaints = listen(child);
    const ready = await readyLine(child, name, complaints);
    const all = router === null ? [server, client] : [server, router, client];
    return {
      name,
      clientNamespace: client,
      serverNamespace: server,
      router,
      path,
      host,
      sources,
      pid: ready.pid,
      spinUs: 0,
      onKernel: true,
      versions: platformVersions(),
      notes,
      process: child,
      complaints,
      stop: async () => {
        await Promise.all([stop(child), path?.stop()]);
        all.forEach(removeNamespace);
      },
    };
  };
}

interface Joined {
  readonly server: string;
  readonly client: string;
  readonly router: string | null;
  /** The server's address, and the client's. */
  readonly host: string;
  readonly from: string;
  readonly path: RunningPath | null;
}

async function joined(settings: StartSettings): Promise<Joined> {
  const server = createNamespace();
  if (settings.between === "nothing") {
    const pair = settings.family === 4 ? CLIENT_PAIR : CLIENT_PAIR_6;
    const client = createNamespace();
    joinByVeth(server, client, settings.mtu, pair);
    return { server, client, router: null, host: pair.near, from: pair.far, path: null };
  }
  const router = createNamespace();
  joinByVeth(router, server, settings.mtu, SERVER_PAIR);
  addDefaultRoute(server, SERVER_PAIR.near, settings.congestion);
  const { client, path } = await clientBehind(router, settings);
  return { server, client, router, host: SERVER_PAIR.far, from: CLIENT_PAIR.far, path };
}

/** A client's namespace behind `router`, which forwards for it. */
export async function clientBehind(
  router: string,
  { mtu, between, congestion }: LinkSettings,
): Promise<{ client: string; path: RunningPath | null }> {
  const client = createNamespace();
  forward(router);
  if (between === "path") return { client, path: await joinByPath(router, client, mtu, congestion) };
  joinByVeth(router, client, mtu, CLIENT_PAIR, "veth1");
  addDefaultRoute(client, CLIENT_PAIR.near, congestion);
  return { client, path: null };
}
