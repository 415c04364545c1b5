/** A child that answers each line of its standard input by one line of JSON on its standard output. */
import type { ChildProcess } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { listen } from "./child.ts";
import { Failure } from "./failure.ts";

/** Asks one thing at a time. */
export class Dialogue {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #complaints: () => string;
  readonly #lines: Interface;

  /** `child` has pipes for standard input, output and error. */
  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    this.#complaints = listen(child);
    this.#lines = createInterface({ input: child.stdout! });
  }

  /** The answer to `line`. Throws a `Failure` with the child's last words when it ends, or says nothing for `seconds`. */
  ask<T>(line: string, seconds = 60): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(late);
        this.#lines.removeListener("line", onLine);
        this.#child.removeListener("exit", onExit);
      };
      const fail = (what: string): void => {
        done();
        reject(new Failure(`${this.#name}: '${line}': ${what}${this.#complaints()}`));
      };
      const onLine = (text: string): void => {
        done();
        resolve(JSON.parse(text) as T);
      };
      const onExit = (code: number | null, signal: string | null): void => fail(`ended (${signal ?? code})`);
      const late = setTimeout(() => fail(`no answer for ${seconds} s`), seconds * 1000);
      this.#lines.once("line", onLine);
      this.#child.once("exit", onExit);
      this.#child.stdin!.write(`${line}\n`);
    });
  }

  /** The line that it says unasked when it is up. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#lines.once("line", () => resolve());
      this.#child.once("exit", (code) =>
        reject(new Failure(`${this.#name}: ended (${code})${this.#complaints()}`)),
      );
    });
  }
}
