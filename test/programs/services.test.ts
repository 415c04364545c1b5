import { beforeAll } from "vitest";
import { describeNeeding, requirePostgres, requireTool, requireTun } from "../requirements.ts";
import { installPrograms, itPlays } from "./programs.ts";

describeNeeding([requireTun(), requirePostgres(), requireTool("openssl")], "pg with PostgreSQL", () => {
  beforeAll(installPrograms, 300_000);

  itPlays("pg", "rows, TLS, a notification, a pool, an end by the administrator", {
    text: "one",
    bytes: true,
    many: 50_000,
    failed: "22012",
    ssl: { ssl: true, version: "TLSv1.3" },
    payload: "hello",
    pooled: true,
    totalCount: 8,
    errors: ["57P01", "Connection terminated unexpectedly"],
  });
});

describeNeeding([requireTun(), requireTool("redis-server")], "ioredis with Redis", () => {
  beforeAll(installPrograms, 300_000);

  itPlays("ioredis", "a pipeline, 5 MB, a transaction, a message, a restart of the server", {
    set: 10_000,
    values: true,
    large: true,
    transaction: [1, 2],
    message: ["news", "hello"],
    after: "restart",
  });
});

describeNeeding([requireTun(), requireTool("sshd"), requireTool("ssh-keygen")], "ssh2 with OpenSSH", () => {
  beforeAll(installPrograms, 300_000);

  itPlays("ssh2", "a command, 3 MB through cat, files by SFTP, a forwarded port", {
    said: "hello\n",
    code: 3,
    returned: true,
    stored: true,
    forwarded: true,
  });
});

describeNeeding([requireTun(), requireTool("mosquitto")], "mqtt with Mosquitto", () => {
  beforeAll(installPrograms, 300_000);

  itPlays("mqtt", "every quality of service, a retained message, 2 MB, a last will after an RST", {
    kept: "retained",
    all: true,
    large: true,
    last: ["wills", "gone"],
  });
});
