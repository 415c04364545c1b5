/** A program of pg that knows nothing of usertcp. */
import pg from "pg";

const [host] = process.argv.slice(2);
const pool = new pg.Pool({ host, user: "postgres", max: 3 });
pool.on("error", () => {});
const { rows } = await pool.query("select host(inet_client_addr()) as address");
const secure = new pg.Client({ host, user: "postgres", ssl: { rejectUnauthorized: false } });
await secure.connect();
const ssl = await secure.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
await secure.end();
await pool.end();
console.log(JSON.stringify({ address: rows[0].address, ssl: ssl.rows[0].ssl }));
