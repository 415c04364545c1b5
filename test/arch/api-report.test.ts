/**
 * The public API as its declarations, in `docs/api.d.ts`: a change of it shows in review. `npx vitest run test/arch -u`
 * writes the file anew (after `npm run build:ts`).
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const ENTRIES = ["index", "core", "sim", "net", "sockets", "loopback"];

/** Declarations that an entry exports, by the file they stand in. */
function exportsOf(entry: string): Map<string, string[]> {
  const text = readFileSync(join(DIST, `${entry}.d.ts`), "utf8");
  const found = new Map<string, string[]>();
  for (const [, names, from] of text.matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)) {
    const file = join(DIST, from!.replace(/\.(js|ts)$/, ".d.ts"));
    const list = names!
      .split(",")
      // `x as default` stands under its own name.
      .map((name) =>
        name
          .replace(/\btype\b/, "")
          .replace(/ as .*/, "")
          .trim(),
      )
      .filter((name) => name !== "");
    found.set(file, [...(found.get(file) ?? []), ...list]);
  }
  return found;
}

/** One exported declaration without comments and private members. */
function declarationOf(file: string, name: string): string {
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const start = text.search(
    new RegExp(`^export (?:declare )?(?:class|function|const|interface|type) ${name}\\b`, "m"),
  );
  if (start < 0) return `// ${name}: not found in ${relative(DIST, file)}`;
  const rest = text.slice(start);
  const end = /^\}|;$/m.exec(rest)!;
  const block = /^export [^\n]*\{$/m.test(rest.split("\n", 1)[0]!) ? /^\}/m.exec(rest)! : end;
  return rest
    .slice(0, block.index + 1)
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*(#private|private )/.test(line))
    .join("\n");
}

test("docs/api.d.ts is the public API", async () => {
  expect(existsSync(DIST), "dist is missing: npm run build:ts").toBe(true);
  const shown = new Set<string>();
  const report = ENTRIES.flatMap((entry) => [
    `// usertcp${entry === "index" ? "" : `/${entry}`}`,
    ...[...exportsOf(entry)].flatMap(([file, names]) =>
      names.sort().map((name) => {
        const declaration = declarationOf(file, name);
        // What an entry before it declared is named only.
        if (shown.has(declaration)) return `// ${name}, as above`;
        shown.add(declaration);
        return declaration;
      }),
    ),
    "",
  ]).join("\n");
  expect(report).not.toContain("not found");
  await expect(`${report}\n`).toMatchFileSnapshot("../../docs/api.d.ts");
});
