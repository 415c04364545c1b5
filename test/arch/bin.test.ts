/** `npx usertcp` runs the file itself: npm makes it executable when it links it first, not when a build writes it anew. */
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("the command is executable after any build", () => {
  const command = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  expect(() => accessSync(command, constants.X_OK)).not.toThrow();
});
