/**
 * Loaded before a test of Node's own (`node --require`): what it knows as `net` is ours. USERTCP_SUITE says how:
 * `loopback` answers `require("net")` with usertcp/loopback, `patched` patches the real module in place.
 */
"use strict";
const Module = require("node:module");
const { join } = require("node:path");

const how = process.env.USERTCP_SUITE;
const dist = join(__dirname, "..", "..", "dist");
if (how === "loopback") {
  const ours = require(join(dist, "loopback.js"));
  const load = Module._load;
  // Node's own modules do not come through here, only what a test asks for.
  Module._load = function (request, ...rest) {
    return request === "net" || request === "node:net" ? ours.default : load.call(this, request, ...rest);
  };
} else if (how === "patched") {
  process.env.USERTCP_STACK = "loopback";
  require(join(dist, "install.js"));
}
