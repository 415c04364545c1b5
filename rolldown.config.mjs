/**
 * How `src` becomes `dist`: one file an entry and a few shared chunks, instead of one a module: three hundred files to open
 * cost a `usertcp ss` most of its time, and a program that loads the stack 2 MB of heap. Types are tsc's.
 */
import { defineConfig } from "rolldown";

const entries = [
  ...["index", "core", "sim", "net", "sockets", "loopback", "install"],
  ...["cli/main", "cli/serve-worker"],
];

export default defineConfig({
  input: Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])),
  platform: "node",
  // For its useDefineForClassFields: a field that the constructor sets would be `undefined` first, and then neither a small
  // integer nor a double to V8, but either, boxed.
  tsconfig: "tsconfig.build.json",
  external: ["commander"],
  logLevel: "warn",
  // A flag or a column of a table is then a number in the code, not a variable of a module.
  optimization: { inlineConst: true },
  output: {
    dir: "dist",
    format: "esm",
    // As deep as `cli`: both find `native` and package.json two levels up.
    chunkFileNames: "shared/[name].js",
    comments: false,
  },
});
