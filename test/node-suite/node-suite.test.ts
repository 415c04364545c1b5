/**
 * Node's own tests of net, on usertcp/loopback. The whole of it with other suites: `node test/node-suite/run.mjs --help`;
 * what that printed last is in results.txt.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeNeeding, type Missing } from "../requirements.ts";
import { fetchNode } from "./fetch.mjs";
import { excludedBecause, listTests, runTests } from "./run.mjs";

const MAJOR = Number(process.versions.node.split(".")[0]);
/** No Debian release carries Node 26 yet: of the tests of 24 those count that pass on plain 26. */
const TESTS = MAJOR === 26 ? 24 : MAJOR;

function requireNodeTests(): Missing {
  if (![20, 22, 24].includes(TESTS)) return `no Debian release carries the tests of Node ${MAJOR}`;
  try {
    fetchNode(TESTS);
    return null;
  } catch (error) {
    return `Debian's source package nodejs: ${(error as Error).message}`;
  }
}

function requireBuilt(): Missing {
  const built = existsSync(fileURLToPath(new URL("../../dist/loopback.js", import.meta.url)));
  return built ? null : "dist/ is not built: npm run build:ts";
}

describeNeeding(
  [requireBuilt(), requireNodeTests()],
  `Node ${TESTS}'s own tests of net, on usertcp/loopback under Node ${MAJOR}`,
  () => {
    it("all pass that pass on plain Node and concern a stack", { timeout: 300_000 }, async () => {
      const source = fetchNode(TESTS);
      const tests = listTests(source, "net").filter((test) => excludedBecause(test) === null);
      expect(tests.length).toBeGreaterThan(130);
      const ours = await runTests(tests, { how: "loopback", source });
      const failed = tests.filter((test) => ours.get(test) !== null);
      const plain = await runTests(failed, { how: "plain", source });
      // A machine under load is given a second chance, alone.
      const left = failed.filter((test) => plain.get(test) === null);
      const again = await runTests(left, { how: "loopback", source, jobs: 1, seconds: 60 });
      expect(left.filter((test) => again.get(test) !== null).map((test) => [test, again.get(test)])).toEqual(
        [],
      );
    });
  },
);
