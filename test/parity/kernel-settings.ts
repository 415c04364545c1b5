/**
 * The namespace as a script finds it: addresses, routes, and the sysctls that the profile `linux` stands for (profiles.ts);
 * and the script's own backquoted commands.
 */
import type { Micros } from "../../src/base/time.ts";
import { Unsupported } from "../../src/sim/packetdrill/expression.ts";
import type { Network } from "../../src/sim/packetdrill/network.ts";
import { DEVICE, type KernelProcess } from "./kernel-process.ts";

/** Each as packetdrill's defaults.sh has it, or as a kernel that nobody configured. */
const PRELUDE: Readonly<Record<string, string>> = {
  "net.ipv4.tcp_rmem": "4096 540000 15728640",
  "net.ipv4.tcp_wmem": "4096 262144 4194304",
  "net.ipv4.tcp_syn_retries": "5",
  "net.ipv4.tcp_synack_retries": "5",
  // RFC 6298 5.5 from the first SYN on, as the profile has it; Linux 6.5 and later send four more at the same distance.
  "net.ipv4.tcp_syn_linear_timeouts": "0",
  "net.ipv4.tcp_mtu_probing": "0",
  "net.ipv4.tcp_ecn": "0",
  "net.ipv4.tcp_fastopen": "459779",
  "net.ipv4.tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
  "net.ipv4.tcp_timestamps": "1",
  "net.ipv4.tcp_sack": "1",
  "net.ipv4.tcp_dsack": "1",
  "net.ipv4.tcp_window_scaling": "1",
  "net.ipv4.tcp_no_metrics_save": "1",
  "net.ipv4.tcp_slow_start_after_idle": "1",
  "net.ipv4.tcp_early_retrans": "3",
  "net.ipv4.tcp_recovery": "1",
  "net.ipv4.tcp_syncookies": "1",
  "net.ipv4.tcp_rfc1337": "0",
  "net.ipv4.tcp_notsent_lowat": "4294967295",
  "net.ipv4.conf.all.rp_filter": "0",
  "net.ipv4.icmp_ratelimit": "0",
  "net.ipv6.icmp.ratelimit": "0",
  "net.ipv6.conf.all.accept_dad": "0",
  [`net.ipv4.conf.${DEVICE}.rp_filter`]: "0",
  [`net.ipv6.conf.${DEVICE}.accept_dad`]: "0",
  [`net.ipv6.conf.${DEVICE}.router_solicitations`]: "0",
};

/** The namespace, ready for a script. */
export async function prepareKernel(kernel: KernelProcess, network: Network): Promise<void> {
  await Promise.all(Object.entries(PRELUDE).map(([name, value]) => putSysctl(kernel, name, value)));
  const isSix = network.family === 6;
  const commands = [
    "link set lo up",
    `link set ${DEVICE} mtu ${network.mtu} up`,
    `addr add ${network.local}/${network.prefix.bits} dev ${DEVICE}${isSix ? " nodad" : ""}`,
    `route replace default dev ${DEVICE} congctl cubic`,
  ];
  const code = await kernel.run(
    `printf '${commands.map((line) => `${line}\\n`).join("")}' | ip ${isSix ? "-6" : "-4"} -batch -`,
  );
  if (code !== 0) throw new Error(`the namespace: ${kernel.complaints}`);
}

/** The kernel's choice of congestion control: the sysctl takes no other than reno in a namespace, so it is the route's. */
async function chooseCongestion(kernel: KernelProcess, network: Network, name: string): Promise<void> {
  const six = network.family === 6 ? "-6 " : "";
  await kernel.run(`ip ${six}route replace default dev ${DEVICE} congctl ${name}`);
}

function putSysctl(kernel: KernelProcess, name: string, value: string): Promise<boolean> {
  return kernel.put(`/proc/sys/${name.replaceAll(".", "/")}`, value);
}

/** Does what a backquoted command says, as far as it concerns the namespace. */
export async function runKernelCommand(kernel: KernelProcess, network: Network, text: string): Promise<void> {
  for (const raw of text.replace(/\\\n/g, " ").split(/\n|;|&&/)) {
    const line = raw.trim();
    const words = line.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
    const command = (words[0] ?? "").replace(/^.*\//, "");
    if (command === "sysctl" || command === "set_sysctls.py") {
      for (const word of words.slice(1)) if (word.includes("=")) await assign(kernel, network, word);
    } else if (command === "sleep" || command === "usleep") {
      const us: Micros = Number(words[1]) * (command === "sleep" ? 1e6 : 1);
      await new Promise((resolve) => setTimeout(resolve, us / 1000));
    } else if (command === "ip") {
      if ((await kernel.run(line)) !== 0) throw new Unsupported(`the command ${line} on the kernel`);
    } else if (!IGNORED.has(command)) {
      throw new Unsupported(`the command ${line} on the kernel`);
    }
  }
}

const IGNORED: ReadonlySet<string> = new Set(["", "defaults.sh", "true", "sync", "ethtool", "nstat", "echo"]);

async function assign(kernel: KernelProcess, network: Network, word: string): Promise<void> {
  const equals = word.indexOf("=");
  const name = word
    .slice(0, equals)
    .replace(/^\/proc\/sys\//, "")
    .replaceAll("/", ".");
  if (!name.startsWith("net.")) throw new Unsupported(`the sysctl ${name} on the kernel`);
  const value = word
    .slice(equals + 1)
    .replaceAll(/["']/g, "")
    .replace(/\$\(\(([^)]*(?:\([^)]*\)[^)]*)*)\)\)/g, (_, product: string) =>
      String(
        product
          .replace(/[()\s]/g, "")
          .split("*")
          .reduce((all, factor) => all * Number(factor), 1),
      ),
    );
  if (name === "net.ipv4.tcp_congestion_control") return chooseCongestion(kernel, network, value.trim());
  const written = name === "net.ipv4.tcp_fastopen" ? String(Number(value)) : value;
  if (!(await putSysctl(kernel, name, written))) throw new Unsupported(`the sysctl ${word} on the kernel`);
}
