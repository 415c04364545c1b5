/**
 * Finds and loads the native addon, and says what it exports (`native/src/addon.c`). One binary an
 * architecture serves glibc and musl: it names no C library, and takes what the running Node brings.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

declare const handleBrand: unique symbol;

/** An open device inside the addon. */
export interface TunHandle {
  readonly [handleBrand]: true;
  readonly name: string;
  /** `COUNTER_NAMES` in `tun.ts`; the addon adds, JavaScript reads. */
  readonly counters: Float64Array;
  /** Sends `count` packets of the batch in use (`useBatch`), and returns how many the kernel took. */
  write(count: number, chunks: readonly Uint8Array[]): number;
}

/** The addon's functions. All throw Node's error objects. */
export interface Addon {
  open(name: string, offload: boolean, multiQueue: boolean, onEnd: (error: Error | null) => void): TunHandle;
  start(handle: TunHandle, slab: Uint8Array, table: Int32Array, onBatch: () => void, spinUs: number): void;
  setSlab(handle: TunHandle, slab: Uint8Array): void;
  useBatch(handle: TunHandle, table: Int32Array, bytes: Uint8Array, pieces: Int32Array): void;
  steer(handle: TunHandle, key: number, multiplier: number): void;
  close(handle: TunHandle): void;
  ref(handle: TunHandle): void;
  unref(handle: TunHandle): void;
  linkSet(name: string, mtu: number, queueLength: number, up: boolean): number;
  linkAddAddress(name: string, address: string, prefix: number): void;
}

/** Where the addon may be: built here, else the one that came in the package. */
export function addonCandidates(): string[] {
  const native = fileURLToPath(new URL("../../native/", import.meta.url));
  return [
    `${native}build/usertcp.node`,
    `${native}prebuilds/${process.platform}-${process.arch}/usertcp.node`,
  ];
}

let loaded: Addon | undefined;

/**
 * The addon, loaded on first use. Throws an error of code `ERR_ADDON_NOT_FOUND` that names
 * `usertcp build-addon` and says why each candidate failed.
 */
export function loadAddon(candidates: readonly string[] = addonCandidates()): Addon {
  if (loaded !== undefined) return loaded;
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const path of candidates) {
    if (!existsSync(path)) {
      failures.push(`${path}: not there`);
      continue;
    }
    try {
      loaded = require(path) as Addon;
      return loaded;
    } catch (error) {
      failures.push(`${path}: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  const here = `${process.platform}-${process.arch}`;
  const remedy =
    process.platform === "linux"
      ? "run 'usertcp build-addon'"
      : "TUN devices are Linux's: use another device";
  throw Object.assign(new Error(`no TUN addon for ${here}: ${remedy} (${failures.join("; ")})`), {
    code: "ERR_ADDON_NOT_FOUND",
  });
}
