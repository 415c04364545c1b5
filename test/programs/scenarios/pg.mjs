/** pg with a PostgreSQL server on the kernel: a client, TLS, a pool, notifications, cancelling, an end in mid-query. */
import { once } from "node:events";
import pg from "pg";
import { startPostgres } from "../servers.mjs";

export default async function play(ground) {
  const server = await startPostgres();
  const { host, port } = await ground.reach(server.port);
  const through = { host, port, user: "postgres", stream: () => new ground.net.Socket() };

  const client = new pg.Client(through);
  await client.connect();
  await client.query("create table rows (id int primary key, text text, bytes bytea)");
  const bytes = Buffer.alloc(1_000_000, 7);
  await client.query("insert into rows values ($1, $2, $3)", [1, "one", bytes]);
  const { rows } = await client.query("select text, bytes from rows where id = $1", [1]);
  const many = await client.query("select i, repeat('x', 100) as x from generate_series(1, 50000) as i");
  const failed = await client.query("select 1 / 0").catch((error) => error.code);

  const secure = new pg.Client({ ...through, ssl: { rejectUnauthorized: false } });
  await secure.connect();
  const ssl = await secure.query("select ssl, version from pg_stat_ssl where pid = pg_backend_pid()");
  await secure.query("listen news");
  const heard = once(secure, "notification");
  await client.query("notify news, 'hello'");
  const [{ payload }] = await heard;

  const pool = new pg.Pool({ ...through, max: 8 });
  // `pool.end()` does not wait for its connections: the server's own end may still reach one.
  pool.on("error", () => {});
  const sums = await Promise.all(
    Array.from({ length: 500 }, (_, i) => pool.query("select $1::int + 1 as n", [i])),
  );
  const { totalCount } = pool;
  await pool.end();

  const errors = [];
  secure.on("error", (error) => errors.push(error.code ?? error.message));
  const ended = new Promise((resolve) => secure.once("end", resolve));
  await client.query("select pg_terminate_backend(pid) from pg_stat_ssl where ssl");
  await ended;
  await client.end();
  await server.close();
  return {
    text: rows[0].text,
    bytes: bytes.equals(rows[0].bytes),
    many: many.rowCount,
    failed,
    ssl: ssl.rows[0],
    payload,
    pooled: sums.every(({ rows: [row] }, i) => row.n === i + 1),
    totalCount,
    errors,
  };
}
