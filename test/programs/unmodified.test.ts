/** Programs that know nothing of usertcp, run by `node --import usertcp/install`. */
import { beforeAll } from "vitest";
import { describeNeeding, requireOneOf, requirePostgres, requireTool, requireTun } from "../requirements.ts";
import { installPrograms, itRuns } from "./programs.ts";

const needsWeb = [
  requireTun(),
  requireTool("curl"),
  requireTool("openssl"),
  requireOneOf("chromium-headless-shell", "chromium"),
];

describeNeeding(needsWeb, "unmodified: servers and clients of the web", () => {
  beforeAll(installPrograms, 300_000);
  const said = (stack: string, kernel: string) => ({
    http: `${kernel} /one\n`,
    https: `${kernel} /two\n`,
    http2: `${kernel} /three\n`,
    ws: `hello, ${kernel}`,
    express: "42",
    fastify: "42",
    asked: {
      http: `${stack} /http`,
      https: `${stack} /https`,
      http2: `${stack} /http2`,
      fetch: `${stack} /fetch`,
      undici: `${stack} /undici`,
      ws: `hello, ${stack}`,
    },
    code: 0,
  });

  itRuns("web", "http, https, http2, ws, express, fastify, fetch, undici", said("10.77.0.2", "10.77.0.1"));
  itRuns("web6", "the same over IPv6", said("fd77::2", "fd77::1"));
});

describeNeeding([requireTun(), requirePostgres(), requireTool("openssl")], "unmodified: pg", () => {
  beforeAll(installPrograms, 300_000);
  itRuns("pg", "a pool and a client under TLS, and it ends", { address: "10.77.0.2", ssl: true, code: 0 });
});

describeNeeding([requireTun(), requireTool("redis-server")], "unmodified: ioredis", () => {
  beforeAll(installPrograms, 300_000);
  itRuns("ioredis", "asks, and ends", { address: "10.77.0.2", greeting: "hello", code: 0 });
});

describeNeeding([requireTun(), requireTool("sshd"), requireTool("ssh-keygen")], "unmodified: ssh2", () => {
  beforeAll(installPrograms, 300_000);
  itRuns("ssh2", "runs a command, and ends", { address: "10.77.0.2", code: 0 });
});

describeNeeding([requireTun(), requireTool("mosquitto")], "unmodified: mqtt", () => {
  beforeAll(installPrograms, 300_000);
  const saw = { remoteAddress: "10.77.0.1", localAddress: "10.77.0.2", payload: "hello", code: 0 };
  itRuns("mqtt", "hears what it publishes, and ends", saw);
});
