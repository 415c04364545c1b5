/** What the scenarios of HTTP share. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An agent of `module` (http or https) whose connections are `connect`'s. */
export function agentOver(module, connect, options) {
  const agent = new module.Agent(options);
  agent.createConnection = connect;
  return agent;
}

/** One request, its answer read to the end. */
export async function download(module, options, body) {
  const request = module.request(options);
  request.end(body);
  const [response] = await once(request, "response");
  const { socket } = response;
  const port = socket.localPort;
  const closed = response.headers.connection === "close" ? once(socket, "close") : null;
  const text = String(await collect(response));
  await closed;
  return { status: response.statusCode, headers: response.headers, text, port };
}

/** What headless Chromium makes of a page after its scripts ran: its document. */
export async function browse(url) {
  const program = ["chromium-headless-shell", "chromium"].find((name) => existsIn(name));
  const profile = mkdtempSync(join(tmpdir(), "usertcp-chromium-"));
  const quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  const headless = program === "chromium" ? ["--headless"] : [];
  const args = [
    ...headless,
    ...quiet,
    `--user-data-dir=${profile}`,
    "--virtual-time-budget=10000",
    "--dump-dom",
  ];
  try {
    return (await run(program, [...args, url], { timeout: 40_000 })).stdout;
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function existsIn(name) {
  return process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, name)));
}

/** A page whose script fetches 20 pieces of JSON, a picture and a stream of events, and writes what it got. */
export const PAGE = `<!doctype html><title>usertcp</title><link rel="icon" href="data:,"><p id="p">loading</p><script>
async function load() {
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  const answers = await Promise.all(numbers.map(async (i) => (await fetch("/json/" + i)).json()));
  const posted = await (await fetch("/post", { method: "POST", body: "x".repeat(1e6) })).json();
  const image = new Image();
  image.src = "/image.svg";
  await image.decode();
  const events = new EventSource("/events");
  const event = await new Promise((resolve) => { events.onmessage = resolve; });
  events.close();
  const sum = answers.reduce((total, { n }) => total + n, 0);
  document.getElementById("p").textContent = [sum, posted.length, image.width, event.data].join(" ");
}
load().catch((error) => { document.getElementById("p").textContent = String(error); });
</script>`;

/** What the page shows when all of that arrived. */
export function shown(document) {
  return /<p id="p">([^<]*)<\/p>/.exec(document)?.[1] ?? document;
}

/** The picture: 7 pixels wide. */
export const IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"></svg>';

/** An event for EventSource. */
export const EVENT = "data: streamed\n\n";

/** curl's standard output. */
export async function curl(...args) {
  return (await run("curl", ["-sS", "--max-time", "20", ...args])).stdout;
}
