import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../../src/cli/program.ts";
import { runScript } from "../../../src/sim/packetdrill/run.ts";

vi.mock("../../../src/sim/packetdrill/run.ts", () => ({ runScript: vi.fn() }));

let out = "";
let err = "";
let folder = "";

beforeEach(() => {
  out = "";
  err = "";
  folder = mkdtempSync(join(tmpdir(), "usertcp-pkt-"));
  mkdirSync(join(folder, "below"));
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += String(text);
    return true;
  });
  vi.mocked(runScript).mockReset().mockReturnValue({ status: "pass", line: null, message: "" });
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
  process.exitCode = undefined;
});

function script(name: string, text = "0 close(3) = 0\n"): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("usertcp pkt", () => {
  it("runs every *.pkt of a directory and below, by name, and exits 0 when none failed", async () => {
    script("b.pkt");
    script("below/a.pkt");
    script("notes.txt", "no script");
    expect(await run(["pkt", folder])).toBe(0);
    expect(out).toBe(
      `pass         ${join(folder, "b.pkt")}\npass         ${join(folder, "below/a.pkt")}\n` +
        "2 scripts: 2 pass, 0 fail, 0 unsupported (linux, lenient)\n",
    );
  });

  it("passes the profile and the mode on", async () => {
    await run(["pkt", "--profile", "freebsd", "--strict", script("a.pkt")]);
    expect(vi.mocked(runScript).mock.calls[0]![1]).toEqual({ profile: "freebsd", mode: "strict" });
    expect(out).toContain("(freebsd, strict)");
  });

  it("prints a JSON object a line for each file as given, whatever became of it, and a summary", async () => {
    const crashing = script("crash.pkt");
    const wrong = script("wrong.pkt", "\nnonsense\n");
    const missing = join(folder, "missing.pkt");
    const foreign = script("foreign.pkt", "0 < sctp: DATA[]\n");
    vi.mocked(runScript).mockImplementationOnce(() => {
      throw new Error("out of order");
    });
    expect(await run(["pkt", "--json", crashing, wrong, missing, foreign])).toBe(1);
    const rows = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const mode = "lenient";
    expect(rows).toEqual([
      { file: crashing, status: "fail", mode, line: null, message: expect.stringContaining("out of order") },
      {
        file: wrong,
        status: "fail",
        mode,
        line: 2,
        message: expect.stringContaining("the time of an event"),
      },
      { file: missing, status: "fail", mode, line: null, message: "no such file" },
      { file: foreign, status: "unsupported", mode, line: 1, message: "SCTP: unsupported" },
      { summary: { files: 4, pass: 0, fail: 3, unsupported: 1, mode, profile: "linux" } },
    ]);
  });

  it("fails for a directory without scripts beside others, in its row, as for a missing file", async () => {
    const good = script("good.pkt");
    expect(await run(["pkt", join(folder, "below"), good])).toBe(1);
    expect(out).toContain(`fail         ${join(folder, "below")}: no *.pkt below this directory\n`);
    expect(out).toContain("2 scripts: 1 pass, 1 fail, 0 unsupported");
  });

  it("gives a failure's segments and variables in JSON, behind the five keys of every row", async () => {
    vi.mocked(runScript).mockReturnValue({
      status: "fail",
      line: 1,
      message: "the packet differs in ack",
      expected: [{ name: "ack", text: "1" }],
      seen: [{ name: "ack", text: "2" }],
      variables: [
        { name: "state", text: "ESTABLISHED" },
        { name: "ca_state", text: "3" },
        { name: "retransmit in", text: "-" },
      ],
    });
    const file = script("a.pkt");
    expect(await run(["pkt", "--json", file])).toBe(1);
    expect(out.split("\n")[0]).toBe(
      JSON.stringify({
        file,
        status: "fail",
        mode: "lenient",
        line: 1,
        message: "the packet differs in ack",
        expected: { ack: "1" },
        seen: { ack: "2" },
        variables: { state: "ESTABLISHED", ca_state: 3, "retransmit in": "-" },
      }),
    );
  });

  it("does not fail for what is unsupported", async () => {
    expect(await run(["pkt", script("a.pkt", "0 < sctp: DATA[]\n")])).toBe(0);
  });

  it("is misused without a file, with an unknown profile, or on a directory without scripts", async () => {
    expect(await run(["pkt"])).toBe(2);
    expect(await run(["pkt", "--profile", "beos", script("a.txt")])).toBe(2);
    expect(err).toContain("--profile takes linux or freebsd, not 'beos'");
    expect(await run(["pkt", folder])).toBe(2);
    expect(err).toContain(`${folder}: no *.pkt below this directory`);
    expect(out).toBe("");
  });
});
