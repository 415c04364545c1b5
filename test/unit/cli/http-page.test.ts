import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { httpHandler } from "../../../src/cli/http-page.ts";
import { PATTERN } from "../../../src/cli/pattern.ts";
import { snapshotOf, socketRow } from "./rows.ts";

let server: Server;
let base: string;

beforeAll(async () => {
  const facts = { version: "1.2.3", tun: "utcp0", stack: "10.77.0.2", services: { http: 80 } };
  const snapshot = () => snapshotOf([socketRow({ remoteAddress: "<script>" })]);
  server = createServer(httpHandler({ ...facts, snapshot }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => server.close());

describe("the HTTP service", () => {
  it("says what the stack is, and escapes what it shows", async () => {
    const text = await (await fetch(`${base}/`)).text();
    expect(text).toMatch(/usertcp 1\.2\.3/);
    expect(text).toContain("ESTABLISHED");
    expect(text).not.toContain("<script>");
  });

  it.each([0, 1, 70_300, 70_301, 1_000_000])("gives exactly the %i bytes asked for", async (size) => {
    const response = await fetch(`${base}/bytes/${size}`);
    const body = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get("content-length")).toBe(String(size));
    expect(body.length).toBe(size);
    expect(body.subarray(0, 100)).toEqual(Buffer.from(PATTERN.subarray(0, Math.min(size, 100))));
  });

  it("answers HEAD without a body, 404 and 405", async () => {
    const head = await fetch(`${base}/bytes/5000000`, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe("5000000");
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
    const post = await fetch(`${base}/`, { method: "POST", body: "x" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(await (await fetch(`${base}/snapshot`)).json()).toMatchObject({ sockets: [{ id: 1 }] });
  });
});
