// A program that knows nothing of usertcp, its server and its fetch on it all the same. Once `npm run examples:install`; as
// root: `node --import usertcp/install docs/examples/unmodified.mjs`, then `curl http://10.77.0.2:3000/`. Addresses of
// 10.77.0.0/24 are the stack's, all others stay the kernel's (USERTCP_ROUTES, see docs/programs.md).
import express from "express";

const app = express();
app.get("/", (request, response) => response.send(`hello, ${request.ip}\n`));
app.listen(3000, "10.77.0.2", async () => {
  console.log("http://10.77.0.2:3000/");
  const response = await fetch("http://10.77.0.2:3000/");
  process.stdout.write(await response.text());
});

process.once("SIGINT", () => process.exit());
