import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgram, run } from "../../../src/cli/program.ts";

let out = "";
let err = "";

beforeEach(() => {
  out = "";
  err = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += String(text);
    return true;
  });
});

afterEach(() => vi.restoreAllMocks());

const COMMANDS = ["serve", "echo", "lab", "nc", "ss", "netstat", "pkt", "build-addon"];

describe("the command line", () => {
  it("lists the commands that are there, and no others", () => {
    expect(createProgram().commands.map((command) => command.name())).toEqual(COMMANDS);
  });

  it.each(COMMANDS)("%s has --help and --json, and exits 0 for help", async (name) => {
    expect(await run([name, "--help"])).toBe(0);
    expect(out).toMatch(new RegExp(`^Usage: usertcp ${name} `));
    expect(out).toContain("--json");
    expect(out).toContain("--help");
    expect(err).toBe("");
  });

  it("shows the design's flags and defaults in the help of serve", async () => {
    await run(["serve", "--help"]);
    for (const [flag, value] of Object.entries({
      ...{ host: "10.77.0.1/24", stack: "10.77.0.2", mtu: "1500", queues: "1", api: "raw" },
      ...{ echo: "7", discard: "9", chargen: "19", http: "80", keep: "0" },
    })) {
      expect(out.replace(/\s+/g, " ")).toMatch(
        new RegExp(`--${flag} <[^>]+> [^>]*\\(default: "${value}"\\)`),
      );
    }
    for (const flag of ["tun", "host6", "stack6", "no-offload", "spin", "pcap", "control"])
      expect(out).toContain(`--${flag}`);
  });

  it("gives echo the echo service alone", async () => {
    await run(["echo", "--help"]);
    expect(out).toContain("--echo <port>");
    expect(out).not.toMatch(/--(discard|chargen|http|keep) /);
  });

  it("prints its help for want of a command, and exits 2", async () => {
    expect(await run([])).toBe(2);
    expect(err).toMatch(/^Usage: usertcp/);
  });

  const MISUSE: [string[], RegExp][] = [
    [["frobnicate"], /^usertcp: unknown command 'frobnicate'$/],
    [["lsof"], /^usertcp: unknown command 'lsof'/],
    [["serv"], /^usertcp: unknown command 'serv' \(Did you mean serve\?\)$/],
    [["--frobnicate"], /^usertcp: unknown option '--frobnicate'$/],
    [["serve", "--frobnicate"], /^usertcp: unknown option '--frobnicate'$/],
    [["serve", "--mtu"], /^usertcp: option '--mtu <bytes>' argument missing$/],
    [["serve", "--mtu", "10"], /^usertcp: --mtu takes a whole number from 576 to 65535, not '10'$/],
    [["serve", "--stack", "192.0.2.1"], /^usertcp: --stack takes an address inside --host's network/],
    [["serve", "--host6", "fd77::1"], /^usertcp: --host6 takes an IPv6 address and its prefix length/],
    [["serve", "extra"], /^usertcp: too many arguments/],
    [["echo", "--http", "80"], /^usertcp: unknown option '--http'/],
    [["echo", "--echo", "70000"], /^usertcp: --echo takes/],
    [["lab", "--mtu", "1"], /^usertcp: --mtu takes/],
    [["nc"], /^usertcp: missing required argument 'host'$/],
    [["nc", "10.77.0.1"], /^usertcp: missing required argument 'port'$/],
    [["nc", "10.77.0.1", "0"], /^usertcp: PORT takes a whole number from 1 to 65535, not '0'$/],
    [["nc", "10.77.0.1", "http"], /^usertcp: PORT takes/],
    [["nc", "10.77.0.1.5", "80"], /^usertcp: HOST takes an IP address or a name/],
    [["nc", "fd77::1::", "80"], /^usertcp: HOST takes an IP address or a name/],
    [["ss", "-z"], /^usertcp: unknown option '-z'$/],
    [["ss", "state", "open"], /^usertcp: ss: no state 'open'/],
    [["netstat", "-z"], /^usertcp: unknown option '-z'$/],
    [["netstat", "extra"], /^usertcp: too many arguments/],
  ];
  it.each(MISUSE)("%j is misuse: one line, exit code 2", async (args, line) => {
    expect(await run(args)).toBe(2);
    expect(err.trimEnd()).toMatch(line);
    expect(err.trimEnd()).not.toContain("\n");
    expect(out).toBe("");
  });

  it("tells errors as JSON with --json", async () => {
    expect(await run(["serve", "--json", "--mtu", "1"])).toBe(2);
    expect(JSON.parse(err)).toMatchObject({ exitCode: 2, error: expect.stringMatching(/^--mtu takes/) });
  });

  it("a control socket where nobody listens is a failure: exit code 1", async () => {
    expect(await run(["ss", "--control", "/nonexistent/usertcp.sock"])).toBe(1);
    expect(err).toMatch(/^usertcp: \/nonexistent\/usertcp.sock: no stack listens there: start one with/);
  });
});
