/** Every file of docs/examples as a reader runs it, with the counterpart that it asks for. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { describeNeeding, requirePostgres, requireTool, requireTun } from "../requirements.ts";
import { installPrograms, itShows } from "./programs.ts";

const EXAMPLES = fileURLToPath(new URL("../../docs/examples/", import.meta.url));
const names = readdirSync(EXAMPLES).filter((name) => name.endsWith(".mjs"));
const curl = ["curl", "-sS", "--max-time", "20"];

describe("docs/examples", () => {
  it.each(names)("%s is shorter than 40 lines", (name) => {
    expect(readFileSync(`${EXAMPLES}${name}`, "utf8").split("\n").length).toBeLessThan(40);
  });
});

describeNeeding([requireTun(), requireTool("curl"), requireTool("openssl")], "examples that serve", () => {
  beforeAll(installPrograms, 300_000);

  itShows("http", { ask: [...curl, "http://10.77.0.2/"] }, /^hello, 10\.77\.0\.1$/m);
  itShows("https", { ask: [...curl, "--insecure", "https://10.77.0.2/"] }, /^hello over TLSv1\.3$/m);
  itShows("http2", { ask: [...curl, "--http2-prior-knowledge", "http://10.77.0.2/x"] }, /^stream 1: \/x$/m);
  itShows("express", { ask: [...curl, "http://10.77.0.2/json/7"] }, /^\{"n":7\}$/m);
  itShows("fastify", { ask: [...curl, "http://10.77.0.2/json/7"] }, /^\{"n":7\}$/m);
  itShows(
    "unmodified",
    { flags: ["--import", "usertcp/install"], ask: [...curl, "http://10.77.0.2:3000/"] },
    /^hello, 10\.77\.0\.1$/m,
  );
  itShows("loopback", {}, /^hello, 127\.0\.0\.1, from 80\n\d+ segments/m);
  itShows("streams", {}, /^127\.0\.0\.1:\d+ answered "hello, stream"$/m);
  itShows("ws", {}, /^you said hello$/m);
});

describeNeeding([requireTun(), requirePostgres(), requireTool("openssl")], "the example of pg", () => {
  beforeAll(installPrograms, 300_000);
  itShows("pg", { server: "startPostgres" }, /^10\.77\.0\.2 asks PostgreSQL/m);
});

describeNeeding([requireTun(), requireTool("redis-server")], "the example of ioredis", () => {
  beforeAll(installPrograms, 300_000);
  itShows("ioredis", { server: "startRedis" }, /^hello \d+\.\d+/m);
});

describeNeeding([requireTun(), requireTool("sshd"), requireTool("ssh-keygen")], "the example of ssh2", () => {
  beforeAll(installPrograms, 300_000);
  itShows("ssh2", { server: "startSshd" }, /^Linux/m);
});

describeNeeding([requireTun(), requireTool("mosquitto")], "the example of mqtt", () => {
  beforeAll(installPrograms, 300_000);
  itShows("mqtt", { server: "startMosquitto" }, /^greetings: hello$/m);
});

describeNeeding([requireTun()], "the example of undici", () => {
  beforeAll(installPrograms, 300_000);
  itShows("undici", { server: "startWeb" }, /^20 answers, the first: 200, 4 characters$/m);
});
