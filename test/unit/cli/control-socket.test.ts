import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NetworkError } from "../../../src/base/errors.ts";
import { ask, liveSockets, openStream, pick, probe, streamOutcome } from "../../../src/cli/control-client.ts";
import { defaultControlPath, netnsInode } from "../../../src/cli/control-path.ts";
import { ControlServer } from "../../../src/cli/control-server.ts";
import { FakeTarget } from "./fake-running.ts";

let folder: string;
let path: string;
let target: FakeTarget;
let server: ControlServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "usertcp-test-"));
  vi.stubEnv("XDG_RUNTIME_DIR", folder);
  path = defaultControlPath("utcp0");
  target = new FakeTarget();
  server = await ControlServer.open(path, target);
});

afterEach(async () => {
  await server.close();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends text, resolves with everything that comes until the server ends it. */
function talk(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = "";
    const socket = connect(path);
    socket.on("data", (chunk) => {
      got += String(chunk);
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(got));
    socket.end(text);
  });
}

function collect(socket: Socket): { text: () => string; ended: Promise<void> } {
  let text = "";
  socket.on("data", (chunk) => {
    text += String(chunk);
  });
  socket.resume();
  return { text: () => text, ended: new Promise((resolve) => socket.once("end", resolve)) };
}

describe("control socket", () => {
  it("is this user's alone, in a folder of this user's alone, named after namespace and device", () => {
    expect(path).toBe(join(folder, "usertcp", `${netnsInode()}-utcp0.sock`));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "usertcp")).mode & 0o777).toBe(0o700);
  });

  it("answers version and snapshot", async () => {
    expect(await ask(path, "version")).toEqual(target.version);
    expect(await ask(path, "snapshot")).toMatchObject({ sockets: [{ id: 1 }] });
    expect(await ask(path, "snapshot", { info: true })).toMatchObject({ sockets: [{ id: 2 }] });
  });

  it("answers several requests on one connection in order, the malformed ones with an error", async () => {
    const got = await talk('{"v":1,"id":1,"method":"version"}\nnonsense\n{"v":1,"id":2,"method":"reboot"}\n');
    const replies = got
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(replies).toMatchObject([
      { v: 1, id: 1 },
      { id: null, error: { code: "EPROTO" } },
      { id: 2, error: { code: "ENOSYS" } },
    ]);
  });

  it("refuses a line over its limit, ended or not, and goes on serving others", async () => {
    for (const end of ["", "\n"]) {
      const reply = JSON.parse(await talk(`{"v":1,"pad":"${"x".repeat(70_000)}"}${end}`));
      expect(reply).toMatchObject({ id: null, error: { code: "EMSGSIZE" } });
    }
    expect(await ask(path, "version")).toEqual(target.version);
  });

  it("is removed on close, and refuses a second stack while it lives", async () => {
    await expect(ControlServer.open(path, target)).rejects.toThrow(/another stack has this control socket/);
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it("replaces one that a dead stack left behind", async () => {
    await server.close();
    await leaveDeadSocket(path);
    server = await ControlServer.open(path, target);
    expect(await probe(path)).toBe("live");
  });

  it("leaves a file alone that is no socket", async () => {
    const file = join(folder, "notes.txt");
    writeFileSync(file, "keep me");
    await expect(ControlServer.open(file, target)).rejects.toThrow(/EADDRINUSE/);
    expect(existsSync(file)).toBe(true);
  });

  it("refuses a path longer than a Unix socket's, and one that can't be made", async () => {
    await expect(ControlServer.open(`/tmp/${"x".repeat(110)}`, target)).rejects.toThrow(/at most 107/);
    await expect(ControlServer.open(join(folder, "no/such.sock"), target)).rejects.toThrow(
      /no\/such\.sock: E[A-Z]+: give/,
    );
  });
});

describe("connect over the control socket", () => {
  it("is a stream both ways, each end-of-file on its own", async () => {
    const { socket, result } = await openStream(path, "10.77.0.1", 80);
    expect(result).toMatchObject({ localPort: 50_000, remoteAddress: "10.77.0.1", remotePort: 80 });
    const got = collect(socket);
    const connection = target.connections[0]!;
    socket.end("request");
    await vi.waitFor(() => expect(connection.calls).toContain("end"));
    expect(connection.text).toBe("request");
    connection.handler.onData?.(connection.as, Buffer.from("response"));
    connection.handler.onEnd?.(connection.as);
    connection.handler.onClose?.(connection.as, null);
    await got.ended;
    expect(got.text()).toBe("response");
    expect(await streamOutcome(path, result.stream)).toEqual({ open: false, error: null });
  });

  it("takes bytes that follow the request at once", async () => {
    const request = '{"v":1,"id":1,"method":"connect","params":{"host":"10.77.0.1","port":80}}\n';
    const socket = connect(path);
    socket.write(`${request}early`);
    await vi.waitFor(() => expect(target.connections[0]?.text).toBe("early"));
    socket.destroy();
  });

  it("tells a refused connection in Node's words", async () => {
    await expect(openStream(path, "10.77.0.1", 81)).rejects.toMatchObject({
      code: "ECONNREFUSED",
      message: "connect ECONNREFUSED 10.77.0.1:81",
      exitCode: 1,
    });
    await expect(openStream(path, "nowhere", 80)).rejects.toMatchObject({ code: "ENETUNREACH" });
    await expect(openStream(path, "10.77.0.1", 0)).rejects.toMatchObject({ code: "EINVAL" });
  });

  it("tells how a stream broke", async () => {
    const { socket, result } = await openStream(path, "10.77.0.1", 80);
    expect(await streamOutcome(path, result.stream)).toEqual({ open: true, error: null });
    const got = collect(socket);
    const connection = target.connections[0]!;
    connection.handler.onClose?.(connection.as, new NetworkError("ECONNRESET", "read"));
    await got.ended;
    expect(await streamOutcome(path, result.stream)).toEqual({
      open: false,
      error: { code: "ECONNRESET", message: "read ECONNRESET" },
    });
  });

  it("aborts the connection when the client goes away, opening or open", async () => {
    const { socket } = await openStream(path, "10.77.0.1", 80);
    socket.destroy();
    await vi.waitFor(() => expect(target.connections[0]!.calls).toContain("abort"));
    const opening = connect(path);
    opening.write('{"v":1,"id":1,"method":"connect","params":{"host":"10.77.0.1","port":82}}\n');
    await vi.waitFor(() => expect(target.connections).toHaveLength(2));
    opening.destroy();
    await vi.waitFor(() => expect(target.connections[1]!.calls).toContain("abort"));
  });

  it("holds the peer back while the client does not read, and the client while the peer does not", async () => {
    const { socket } = await openStream(path, "10.77.0.1", 80);
    const connection = target.connections[0]!;
    socket.pause();
    const chunk = Buffer.alloc(1_000_000);
    for (let i = 0; i < 8 && !connection.calls.includes("pause"); i++)
      connection.handler.onData?.(connection.as, chunk);
    expect(connection.calls).toContain("pause");
    socket.resume();
    await vi.waitFor(() => expect(connection.calls).toContain("resume"));
    connection.room = false;
    socket.write(Buffer.alloc(3_000_000));
    await vi.waitFor(() => expect(connection.sent.length).toBeGreaterThan(0));
    const held = connection.sent.length;
    connection.handler.onDrain?.(connection.as);
    await vi.waitFor(() => expect(connection.sent.length).toBeGreaterThan(held));
    socket.destroy();
  });
});

describe("finding the stack", () => {
  it("takes live sockets of this namespace, and removes dead ones", async () => {
    const dead = defaultControlPath("dead0");
    await leaveDeadSocket(dead);
    writeFileSync(join(folder, "usertcp", "notes.txt"), "");
    const live = (await liveSockets()).filter((socket) => socket.path.startsWith(folder));
    expect(live).toEqual([{ path, netns: netnsInode(), tun: "utcp0" }]);
    expect(existsSync(dead)).toBe(false);
  });

  it("picks the only one, or asks which", () => {
    const [a, b] = [{ tun: "utcp0" }, { tun: "utcp1" }];
    expect(pick([a], undefined)).toBe(a);
    expect(pick([a, b], "utcp1")).toBe(b);
    expect(() => pick([a, b], undefined)).toThrow(
      /2 stacks run here \(utcp0, utcp1\): choose one with --tun NAME or --control/,
    );
    expect(() => pick([], undefined)).toThrow(/no stack runs in this network namespace/);
    expect(() => pick([a], "utcp9")).toThrow(/no stack runs on utcp9/);
  });

  it("says so when what listens is no stack", async () => {
    const other = join(folder, "other.sock");
    const stranger = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => stranger.listen(other, resolve));
    await expect(ask(other, "version")).rejects.toThrow(/not usertcp's control protocol/);
    stranger.close();
    await expect(ask(join(folder, "none.sock"), "version")).rejects.toThrow(/no stack listens there/);
  });
});

/** A socket file with nobody behind it, as SIGKILL leaves one. */
async function leaveDeadSocket(where: string): Promise<void> {
  const { spawnSync } = await import("node:child_process");
  const script = `require("net").createServer().listen(${JSON.stringify(where)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  expect(existsSync(where)).toBe(true);
}
