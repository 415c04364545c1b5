// pg over usertcp. Once `npm run examples:install`; as root, with a PostgreSQL server that listens on the kernel's
// 10.77.0.1 (else say PGHOST, PGPORT, PGUSER, PGPASSWORD): `node docs/examples/pg.mjs`.
import pg from "pg";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

// The same option is there for `new pg.Pool`.
const client = new pg.Client({
  host: process.env.PGHOST ?? "10.77.0.1",
  user: process.env.PGUSER ?? "postgres",
  stream: () => new net.Socket(),
});
await client.connect();
const { rows } = await client.query("select inet_client_addr() as address, version()");
console.log(`${rows[0].address} asks ${rows[0].version}`);
await client.end();
await stack.close();
