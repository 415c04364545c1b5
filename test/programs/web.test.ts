import { beforeAll } from "vitest";
import { describeNeeding, requireOneOf, requireTool, requireTun } from "../requirements.ts";
import { installPrograms, itPlays } from "./programs.ts";

const needs = [requireTun(), requireTool("curl"), requireTool("openssl")];

describeNeeding(needs, "Node's own http, https and http2 on our sockets", () => {
  beforeAll(installPrograms, 300_000);

  itPlays("http", "keep-alive, chunks, a megabyte, 200 requests over 4 connections, an upgrade", {
    curled: "GET /one 0\nGET /two 0\n",
    connectionsOfCurl: 1,
    chunks: 1_000_014,
    posted: true,
    inOrder: true,
    connections: 4,
    upgraded: "both ways",
  });

  itPlays("https", "TLS 1.3 both ways, a session resumed, a certificate refused", {
    curled: true,
    posted: "POST 3000000\n",
    protocol: "TLSv1.3",
    second: "GET 0\n",
    resumed: [false, true],
    refused: "DEPTH_ZERO_SELF_SIGNED_CERT",
  });

  itPlays("http2", "over TLS and in clear, a hundred streams at a time", {
    secure: true,
    clear: true,
    streams: true,
    echoed: true,
    alpnProtocol: "h2",
  });
});

describeNeeding(needs, "ws and undici on our sockets", () => {
  beforeAll(installPrograms, 300_000);
  const conversation = { inOrder: true, large: true, code: 1000 };

  itPlays("ws", "both ends, in clear and under TLS", {
    server: conversation,
    client: conversation,
    secure: conversation,
  });

  itPlays("undici", "fetch and a pool of 4 kept connections, an abort, a refusal", {
    answered: true,
    connections: 4,
    posted: true,
    secure: "/tls",
    aborted: "TimeoutError",
    refused: "ECONNREFUSED",
  });
});

describeNeeding(
  [...needs, requireOneOf("chromium-headless-shell", "chromium")],
  "web frameworks on our sockets serve curl and Chromium",
  () => {
    beforeAll(installPrograms, 300_000);
    const served = { json: '{"n":7}', missing: "404", page: "190 1000000 7 streamed" };

    itPlays("express", "a page that fetches, posts, loads a picture and hears events", served);
    itPlays("fastify", "a page that fetches, posts, loads a picture and hears events", served);
  },
);
