/**
 * Real servers of the machine, in a folder of their own that goes with them: `startX(folder)` resolves when it answers on
 * its port. They listen on every address of the namespace that they are in.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificate } from "./certificate.mjs";

/** A private folder; `close` removes it. */
export function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), "usertcp-program-"));
  return { path, close: () => rmSync(path, { recursive: true, force: true }) };
}

/** PostgreSQL with TLS; user "postgres", no password. It refuses to run as root. */
export async function startPostgres(port = 5432) {
  const folder = makeFolder();
  const data = join(folder.path, "data");
  const user = process.getuid() === 0 ? userNamed("postgres", "nobody") : {};
  if (user.uid !== undefined) chownSync(folder.path, user.uid, user.gid);
  const options = { ...user, cwd: folder.path, stdio: "pipe" };
  const initialize = ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"];
  execFileSync(postgresProgram("initdb"), initialize, options);
  const { keyFile, certFile } = makeCertificate(folder.path);
  chmodSync(keyFile, 0o600);
  for (const file of [keyFile, certFile]) if (user.uid !== undefined) chownSync(file, user.uid, user.gid);
  writeFileSync(join(data, "pg_hba.conf"), "host all all 0.0.0.0/0 trust\n");
  const settings = {
    listen_addresses: "*",
    port,
    unix_socket_directories: "",
    fsync: "off",
    ssl: "on",
    ssl_cert_file: certFile,
    ssl_key_file: keyFile,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const ready = /ready to accept connections/;
  return started(postgresProgram("postgres"), ["-D", data, ...args], port, folder, {
    user,
    signal: "SIGINT",
    ready,
  });
}

/** Redis, which keeps nothing. */
export async function startRedis(port = 6379) {
  const folder = makeFolder();
  const args = [
    "--port",
    port,
    "--bind",
    "0.0.0.0",
    "--protected-mode",
    "no",
    "--save",
    "",
    "--dir",
    folder.path,
  ];
  return started("redis-server", args.map(String), port, folder);
}

/** OpenSSH, for this user with the key that comes back. */
export async function startSshd(port = 2222) {
  const folder = makeFolder();
  const key = (name) => {
    const file = join(folder.path, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
    return file;
  };
  const [host, user] = [key("host"), key("user")];
  if (process.getuid() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const lines = [
    `Port ${port}`,
    `HostKey ${host}`,
    `AuthorizedKeysFile ${user}.pub`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PermitRootLogin yes",
    "Subsystem sftp internal-sftp",
  ];
  const config = join(folder.path, "sshd_config");
  writeFileSync(config, `${lines.join("\n")}\n`);
  // sshd starts itself again for each connection, and needs to know where it is.
  const server = await started(find("sshd"), ["-D", "-e", "-f", config], port, folder);
  return { ...server, keyFile: user };
}

/** A web server, of this process. */
export async function startWeb(port = 8000) {
  const web = http.createServer((_request, response) => response.end("web\n"));
  await once(web.listen(port), "listening");
  return { port, close: () => new Promise((resolve) => web.close(resolve)) };
}

/** Mosquitto, open to everybody. */
export async function startMosquitto(port = 1883) {
  const folder = makeFolder();
  const config = join(folder.path, "mosquitto.conf");
  writeFileSync(config, `listener ${port} 0.0.0.0\nallow_anonymous true\nuser root\nmessage_size_limit 0\n`);
  return started(find("mosquitto"), ["-c", config], port, folder);
}

/** PostgreSQL's programs are not on the PATH of Debian. */
function postgresProgram(name) {
  const home = "/usr/lib/postgresql";
  const versions = existsSync(home) ? readdirSync(home).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(home, version, "bin", name)).find(existsSync);
  return found ?? name;
}

async function started(command, args, port, folder, { user = {}, signal = "SIGTERM", ready } = {}) {
  // Whatever ends this process ends the server.
  const tied = ["--pdeathsig", "KILL", ...(user.uid === undefined ? [] : as(user)), "--", command, ...args];
  const child = spawn("setpriv", tied, { cwd: folder.path, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      said += chunk;
    });
  }
  const ended = once(child, "exit").catch((error) => {
    said += error.message;
  });
  for (let tries = 0; !(ready?.test(said) ?? (await answers(port))); tries++) {
    if (tries === 200 || child.exitCode !== null || child.pid === undefined) {
      child.kill("SIGKILL");
      folder.close();
      throw new Error(`${command} does not answer on port ${port}: ${said}`);
    }
    await sleep(50);
  }
  return {
    port,
    pid: child.pid,
    async close() {
      child.kill(signal);
      await ended;
      folder.close();
    },
  };
}

function as({ uid, gid }) {
  return ["--reuid", `${uid}`, "--regid", `${gid}`, "--clear-groups"];
}

async function answers(port) {
  const socket = net.connect(port, "127.0.0.1");
  const open = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "error").then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return open;
}

function userNamed(...names) {
  for (const name of names) {
    try {
      const id = (flag) => Number(execFileSync("id", [flag, name], { stdio: "pipe" }));
      return { uid: id("-u"), gid: id("-g") };
    } catch {
      // Not on this machine: the next.
    }
  }
  return {};
}

function find(name) {
  const folders = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.map((folder) => join(folder, name)).find(existsSync) ?? name;
}
