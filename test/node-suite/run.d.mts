export interface Options {
  how: "loopback" | "patched" | "plain";
  source: string;
  node?: string;
  jobs?: number;
  seconds?: number;
}
export function listTests(source: string, suite: string): string[];
export function excludedBecause(test: string): string | null;
/** For each test null, or what it said when it failed. */
export function runTests(tests: string[], options: Options): Promise<Map<string, string | null>>;
