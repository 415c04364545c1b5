/**
 * The architecture as a test: the arrows of the design's section 2, the core's freedom from its surroundings, and the
 * limits on files and functions. It reads the sources as text: import specifiers, and
 * the indentation that the formatter guarantees.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const SRC = join(ROOT, "src");

/** Layer -> the layers directly below it. `device/pipe` is one file of `device`. */
const ARROWS: Record<string, readonly string[]> = {
  cli: ["net", "sim", "driver"],
  net: ["driver"],
  driver: ["stack", "device"],
  stack: ["tcp"],
  tcp: ["wire"],
  wire: ["base"],
  device: ["base"],
  sim: ["stack", "device/pipe"],
  "device/pipe": ["base", "device/device"],
  "device/device": ["base"],
  base: [],
};
const CORE = ["base", "wire", "tcp", "stack"];

interface Source {
  /** Relative to src, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

interface Import {
  readonly from: Source;
  readonly specifier: string;
  /** Relative to src when the specifier is relative. */
  readonly target: string | null;
}

const sources: Source[] = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.m?ts$/.test(entry.name))
  .map((entry) => {
    const file = join(entry.parentPath, entry.name);
    const text = readFileSync(file, "utf8");
    return { path: relative(SRC, file).split(sep).join("/"), text, lines: text.split("\n") };
  });

/** Static, re-exporting, type-position and dynamic imports. */
function importsOf(source: Source): Import[] {
  const code = source.text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(["'])([^"']+)\1/g;
  return [...code.matchAll(pattern)].map((match) => {
    const specifier = match[2]!;
    const target = specifier.startsWith(".")
      ? relative(SRC, resolve(SRC, dirname(source.path), specifier))
          .split(sep)
          .join("/")
      : null;
    return { from: source, specifier, target };
  });
}

const imports = sources.flatMap(importsOf);

function layerOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

/** Every layer (or single file) that `layer` may import, itself included. */
function below(layer: string): Set<string> {
  const seen = new Set([layer]);
  for (const one of seen) for (const next of ARROWS[one] ?? []) seen.add(next);
  return seen;
}

function mayImport(from: string, target: string): boolean {
  const allowed = below(layerOf(from));
  // An entry stands for the layer it is named after (net.ts for net); index.ts and core.ts for none.
  return allowed.has(layerOf(target)) || allowed.has(target.replace(/\.m?[jt]s$/, ""));
}

/** The lines of each top-level or member function, by brace matching on the formatter's indentation. */
function functionsOf(source: Source): { line: number; length: number; name: string; reason: boolean }[] {
  const found: { line: number; length: number; name: string; reason: boolean }[] = [];
  source.lines.forEach((line, i) => {
    const head =
      /^(\s*)(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b\*?\s*([\w$]*)/.exec(line) ??
      /^(\s+)(?:(?:static|async|override|protected|private|get|set)\s+)*(#?[\w$]+)\s*(?:<[^>]*>)?\((?!.*\)\s*;\s*$)/.exec(
        line,
      ) ??
      /^(\s*)(?:export\s+)?const\s+([\w$]+).*=\s*(?:async\s*)?(?:\(|function\b)/.exec(line);
    if (head === null || /^\s*(?:if|for|while|switch|return|throw|new|else)\b/.test(line)) return;
    const end = source.lines.findIndex((l, k) => k > i && /^\s*\}/.test(l) && indent(l) === head[1]!.length);
    const next = source.lines.findIndex((l, k) => k > i && l.trim() !== "" && indent(l) < head[1]!.length);
    if (end < 0 || (next >= 0 && next < end)) return;
    const reason = source.lines.slice(Math.max(0, i - 3), i + 3).some((l) => l.includes("// long:"));
    found.push({ line: i + 1, length: end - i + 1, name: head[2] ?? "", reason });
  });
  return found;
}

function indent(line: string): number {
  return line.length - line.trimStart().length;
}

describe("layers (design, section 2)", () => {
  test("every folder of src is a layer of the design", () => {
    const folders = new Set(sources.map((s) => layerOf(s.path)).filter((l) => l !== ""));
    expect([...folders].filter((f) => ARROWS[f] === undefined)).toEqual([]);
    expect(sources.length).toBeGreaterThan(100);
    expect(imports.length).toBeGreaterThan(300);
  });

  test("a layer imports itself and what is below it", () => {
    const wrong = imports
      .filter((i) => i.target !== null && layerOf(i.from.path) !== "")
      .filter((i) => !mayImport(i.from.path, i.target!))
      .map((i) => `${i.from.path} -> ${i.target}`);
    expect(wrong).toEqual([]);
  });

  test("every relative import names a file that is there, by its .ts name", () => {
    const paths = new Set(sources.map((s) => s.path));
    const wrong = imports
      .filter((i) => i.target !== null && !i.target.startsWith("..") && !paths.has(i.target))
      .map((i) => `${i.from.path} -> ${i.specifier}`);
    expect(wrong).toEqual([]);
  });

  test("an entry re-exports, and computes nothing", () => {
    const wrong = sources
      .filter((s) => layerOf(s.path) === "")
      .filter((s) => /^\s*(?:export\s+)?(?:async\s+)?(?:function|class)\b/m.test(s.text))
      .map((s) => s.path);
    expect(wrong).toEqual([]);
  });

  test("the arrows themselves: a check that allows all would not notice", () => {
    expect(mayImport("stack/stack.ts", "tcp/tcb.ts")).toBe(true);
    expect(mayImport("stack/stack.ts", "base/seq.ts")).toBe(true);
    expect(mayImport("tcp/tcb.ts", "stack/stack.ts")).toBe(false);
    expect(mayImport("wire/segment.ts", "device/device.ts")).toBe(false);
    expect(mayImport("sim/world.ts", "device/pipe.ts")).toBe(true);
    expect(mayImport("sim/world.ts", "device/tun.ts")).toBe(false);
    expect(mayImport("sim/world.ts", "driver/driver.ts")).toBe(false);
    expect(mayImport("device/pipe.ts", "wire/segment.ts")).toBe(false);
    expect(mayImport("net/socket.ts", "sim/world.ts")).toBe(false);
    expect(mayImport("cli/main.ts", "base/seq.ts")).toBe(true);
    expect(mayImport("cli/serve.ts", "net.ts")).toBe(true);
    expect(mayImport("driver/driver.ts", "net.ts")).toBe(false);
    expect(mayImport("net/socket.ts", "index.ts")).toBe(false);
  });
});

describe("the core (base, wire, tcp, stack)", () => {
  const core = sources.filter((s) => CORE.includes(layerOf(s.path)));

  test("imports nothing but itself: no node:, no package", () => {
    const wrong = imports
      .filter((i) => CORE.includes(layerOf(i.from.path)) && i.target === null)
      .map((i) => `${i.from.path} -> ${i.specifier}`);
    expect(wrong).toEqual([]);
  });

  test("reads no clock, draws no random number, sets no timer of its own", () => {
    const forbidden =
      /\b(?:Math\.random|Date\.now|new Date|performance\.now|process\.|Buffer\.|setTimeout|setImmediate|queueMicrotask)\b/;
    const wrong = core.flatMap((s) =>
      s.lines
        .map((line, i) => ({ line: line.replace(/\/\/.*|^\s*\*.*|`[^`]*`/g, ""), at: `${s.path}:${i + 1}` }))
        .filter(({ line }) => forbidden.test(line))
        .map(({ at }) => at),
    );
    expect(wrong).toEqual([]);
  });

  test("index.ts aside, the runtime-free entry core.ts reaches only the core", () => {
    const reached = imports.filter((i) => i.from.path === "core.ts").map((i) => layerOf(i.target ?? "?"));
    expect(reached.filter((layer) => !CORE.includes(layer))).toEqual([]);
    expect(reached.length).toBeGreaterThan(0);
  });
});

describe("files and functions (style)", () => {
  test("no file has more than 400 lines", () => {
    const wrong = sources
      .map((s) => ({ path: s.path, lines: s.lines.length - 1 }))
      .filter(({ lines }) => lines > 400);
    expect(wrong).toEqual([]);
  });

  test("no function has more than 80 lines without `// long: reason`", () => {
    const all = sources.flatMap((s) => functionsOf(s).map((f) => ({ ...f, at: `${s.path}:${f.line}` })));
    expect(all.length).toBeGreaterThan(500);
    const wrong = all.filter((f) => f.length > 80 && !f.reason).map((f) => `${f.at} ${f.name} ${f.length}`);
    expect(wrong).toEqual([]);
  });

  test("names are kebab-case and say what is inside", () => {
    const wrong = sources
      .map((s) => s.path)
      .filter((path) => {
        const name = path
          .split("/")
          .at(-1)!
          .replace(/\.m?ts$/, "");
        const folders = path.split("/").slice(0, -1);
        return (
          ![...folders, name].every((part) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part)) ||
          /^(?:utils?|helpers?|types?|common|misc)$/.test(name)
        );
      });
    expect(wrong).toEqual([]);
  });

  test("no TODO, no FIXME", () => {
    const wrong = sources.flatMap((s) =>
      s.lines.flatMap((line, i) => (/\b(?:TODO|FIXME|XXX|HACK)\b/.test(line) ? [`${s.path}:${i + 1}`] : [])),
    );
    expect(wrong).toEqual([]);
  });

  test("every file says at its head what it is", () => {
    const wrong = sources.filter((s) => !/^(?:#!.*\n)?\/\*\*/.test(s.text)).map((s) => s.path);
    expect(wrong).toEqual([]);
  });

  test("only base/seq.ts casts sequence numbers", () => {
    const wrong = sources
      .filter((s) => s.path !== "base/seq.ts" && /as unknown as (?:Seq|number)\b/.test(s.text))
      .map((s) => s.path);
    expect(wrong).toEqual([]);
  });
});
