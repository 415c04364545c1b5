import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { IpCounters } from "../../src/stack/counters.ts";
import { TcpCounters } from "../../src/tcp/counters.ts";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

test("every counter that netstat -s may show is counted somewhere in the core", () => {
  const core = ["tcp", "stack"]
    .flatMap((layer) =>
      readdirSync(join(SRC, layer), { recursive: true }).map((name) => join(SRC, layer, `${name}`)),
    )
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  const names = Object.keys({ ...new TcpCounters(), ...new IpCounters() });
  expect(names.filter((name) => !new RegExp(`\\.${name}(\\+\\+| \\+= )`).test(core))).toEqual([]);
});
