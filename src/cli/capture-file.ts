/**
 * `--pcap FILE`: every packet that crosses the device, as a pcapng file, for Wireshark. When the disk is slower than the
 * link, packets are left out of the file and counted, rather than kept in memory or the link held up.
 */
import { createWriteStream } from "node:fs";
import type { RunningStack } from "../driver/create-stack.ts";
import { enhancedPacket, INBOUND, interfaceDescription, OUTBOUND, sectionHeader } from "../wire/pcapng.ts";
import { codeOf, failure, oneLine } from "./cli-error.ts";
import type { Log } from "./serve-log.ts";

/** Bytes that may wait for the disk. */
const WAITING_MAX = 64 * 1024 * 1024;

/** What can be captured: a stack, or the shards of one, which say what they left out. */
type Captured = Pick<RunningStack, "capture"> & {
  readonly device: { readonly name: string };
  readonly captureLost?: number;
};

/** Starts capturing; the function returned stops, and resolves when the file is whole. */
export async function captureToFile(running: Captured, path: string, log: Log): Promise<() => Promise<void>> {
  const file = createWriteStream(path, { flags: "w", mode: 0o600 });
  await new Promise<void>((resolve, reject) => {
    file.once("open", () => resolve());
    file.once("error", (error) => reject(failure(`--pcap ${path}: ${codeOf(error) ?? oneLine(error)}`)));
  });
  let failed = false;
  let left = 0;
  file.on("error", (error) => {
    if (!failed) log("pcap", `--pcap ${path}: ${codeOf(error) ?? oneLine(error)}: the capture ends here`);
    failed = true;
  });
  file.write(sectionHeader());
  file.write(interfaceDescription(running.device.name));
  const stop = running.capture((direction, bytes, offset, length, timeUs) => {
    if (failed) return;
    if (file.writableLength > WAITING_MAX) {
      left++;
      return;
    }
    const packet = bytes.subarray(offset, offset + length);
    file.write(enhancedPacket(packet, length, timeUs, direction === "in" ? INBOUND : OUTBOUND));
  });
  return async () => {
    stop();
    left += running.captureLost ?? 0;
    if (left > 0) log("pcap", `--pcap ${path}: ${left} packets left out: the disk was slower than the link`);
    await new Promise<void>((resolve) => {
      file.once("close", () => resolve());
      file.end();
      if (file.destroyed) resolve();
    });
  };
}
