/**
 * A running stack with everything `usertcp serve` puts around it: services, capture, control socket; brought up
 * together and taken down together. Prints nothing, and installs no signal handler.
 */

import type { RunningStack } from "../driver/create-stack.ts";
import { createNet } from "../net.ts";
import { captureToFile } from "./capture-file.ts";
import { codeOf, failure, oneLine } from "./cli-error.ts";
import { defaultControlPath, netnsInode } from "./control-path.ts";
import { PROTOCOL_VERSION } from "./control-protocol.ts";
import { ControlServer, type ControlTarget } from "./control-server.ts";
import { httpHandler, type PageFacts } from "./http-page.ts";
import { packageVersion } from "./package-version.ts";
import type { Log } from "./serve-log.ts";
import type { ServeOptions, ServiceName } from "./serve-options.ts";
import { type Listening, NET_SERVICES, type NetApi, serveHttp, serveStream } from "./services-net.ts";
import { RAW_SERVICES } from "./services-raw.ts";

/** What the `ready` line says. */
export interface ReadyFacts {
  tun: string;
  stack: string;
  /** The IPv6 address; null without. */
  stack6: string | null;
  /** The ports of those that are on. */
  services: Partial<Record<ServiceName, number>>;
  control: string;
  pid: number;
  host: string;
  mtu: number;
  offload: boolean;
  api: "raw" | "net";
  /** With several queues: how many, and who finds the queue of a packet's shard. */
  queues?: number;
  steering?: "bpf" | "kernel";
}

/** A stack being served. */
export interface Served {
  readonly ready: ReadyFacts;
  /** Leaves nothing behind. A second call waits for the first. */
  close(): Promise<void>;
}

/** Circumstances that the options do not tell. */
export interface ServeContext {
  log: Log;
  lab: boolean;
  /** Through which stack `usertcp nc` connects; default: the one that serves. */
  dialer?: Pick<RunningStack, "connect"> | undefined;
}

/** Takes over `running`: if anything fails, that is closed as well. */
export async function serveStack(
  running: RunningStack,
  options: ServeOptions,
  context: ServeContext,
): Promise<Served> {
  const undo: (() => void | Promise<void>)[] = [() => running.close()];
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= unwind(undo);
    return closing;
  };
  try {
    if (options.pcap !== null) undo.push(await captureToFile(running, options.pcap, context.log));
    const services = await startServices(running, options, () => running.snapshot());
    undo.push(services.close);
    const target: ControlStack = {
      snapshot: (wanted) => running.snapshot(wanted),
      connect: (to, handler) => (context.dialer ?? running).connect(to, handler),
    };
    const control = await openControl(running.device.name, target, options, context);
    undo.push(() => control.close());
    const { name: tun, mtu, offload } = running.device;
    const { stack, host, api } = options;
    return {
      ready: {
        ...{
          tun,
          stack,
          stack6: stack6Of(running, options),
          services: services.started,
          control: control.path,
        },
        ...{ pid: process.pid, host, mtu, offload, api },
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Undoes what was done, the last thing first. */
export async function unwind(undo: (() => void | Promise<void>)[]): Promise<void> {
  for (const step of undo.reverse()) await step();
}

/** Services that listen. */
export interface Services {
  /** Their ports. */
  readonly started: Partial<Record<ServiceName, number>>;
  close(): void;
}

/** Starts all of them on `running`; `snapshot` is for the HTTP service's page. */
export async function startServices(
  running: RunningStack,
  options: ServeOptions,
  snapshot: PageFacts["snapshot"],
): Promise<Services> {
  const started: Services["started"] = {};
  const listening: Listening[] = [];
  const net: NetApi = createNet(running);
  const facts = {
    version: packageVersion(),
    ...{ tun: running.device.name, stack: options.stack, services: started, snapshot },
  };
  for (const [name, port] of Object.entries(options.services) as [ServiceName, number][]) {
    if (port === 0) continue;
    try {
      for (const address of addressesOf(running, options)) {
        listening.push(await startService(running, net, options.api, facts, name, address, port));
      }
    } catch (error) {
      throw failure(`--${name} ${port}: ${codeOf(error) === "EADDRINUSE" ? "port in use" : oneLine(error)}`);
    }
    started[name] = port;
  }
  return {
    started,
    close: () => {
      for (const one of listening.reverse()) one.close();
    },
  };
}

/** The stack's own addresses: a listener for each, as `ss` then shows them. */
function addressesOf(running: RunningStack, options: ServeOptions): string[] {
  const stack6 = stack6Of(running, options);
  return stack6 === null ? [options.stack] : [options.stack, stack6];
}

/** The IPv6 address, if the stack came up with it. */
export function stack6Of(running: RunningStack, options: ServeOptions): string | null {
  return options.v6 !== null && running.stack.interfaces.has(6) ? options.v6.stack : null;
}

async function startService(
  running: RunningStack,
  net: NetApi,
  api: ServeOptions["api"],
  facts: PageFacts,
  name: ServiceName,
  address: string,
  port: number,
): Promise<Listening> {
  if (name === "http") return serveHttp(net, address, port, httpHandler(facts));
  if (api === "net") return serveStream(net, address, port, NET_SERVICES[name]);
  return running.listen({ host: address, port }, RAW_SERVICES[name]);
}

/** What a control socket asks of a stack. */
export type ControlStack = Pick<ControlTarget, "snapshot" | "connect">;

/** Opens the control socket of the stack on `tun`. */
export function openControl(
  tun: string,
  stack: ControlStack,
  options: ServeOptions,
  context: ServeContext,
): Promise<ControlServer> {
  const version = {
    name: "usertcp" as const,
    version: packageVersion(),
    protocol: PROTOCOL_VERSION,
    pid: process.pid,
    tun,
    stack: options.stack,
    netns: netnsInode(),
    lab: context.lab,
  };
  return ControlServer.open(options.control ?? defaultControlPath(tun), { version, ...stack });
}
