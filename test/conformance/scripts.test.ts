/**
 * Our conformance scripts, each in the profiles that it names and in both modes; what passes strictly must pass
 * leniently, too. A head line `// lenient freebsd: why` says where strict mode can't pass.
 */
import { describe, expect, test } from "vitest";
import { checkScript } from "../../src/sim/packetdrill/check-script.ts";
import { formatVerdict } from "../../src/sim/packetdrill/report.ts";
import { conformanceScripts, readHead } from "./scripts.ts";

const scripts = conformanceScripts();

describe("heads of scripts", () => {
  test.each(scripts.map((script) => [script.name, script] as const))(
    "%s names its profiles, and the RFC and section that it shows",
    (_name, script) => {
      expect(script.unknown).toEqual([]);
      expect(script.profiles.length, "a line '// profiles: linux freebsd' at the head").toBeGreaterThan(0);
      expect(script.reference, "a line '// RFC 9293 3.10.7.4: ...' at the head").not.toBeNull();
    },
  );

  test("a head without a section, or behind the first event, is none", () => {
    expect(readHead("a", "// profiles: linux\n// RFC 9293: all of it\n").reference).toBeNull();
    expect(readHead("a", "0 close(3) = 0\n// profiles: linux\n// RFC 9293 3.5\n")).toMatchObject({
      profiles: [],
      reference: null,
    });
    expect(readHead("a", "// profiles: linux, beos\n// RFC 9293 3.5: x\n")).toMatchObject({
      profiles: ["linux"],
      unknown: ["beos"],
      reference: "RFC 9293 3.5: x",
    });
  });
});

describe.each(["linux", "freebsd"] as const)("profile %s", (profile) => {
  test.each(
    scripts
      .filter((script) => script.profiles.includes(profile))
      .map((script) => [script.name, script] as const),
  )("%s", (name, script) => {
    for (const mode of ["strict", "lenient"] as const) {
      if (mode === "strict" && script.lenient.includes(profile)) continue;
      const verdict = checkScript(script.text, name, { profile, mode });
      if (verdict.status === "pass") continue;
      const command = `usertcp pkt --profile ${profile}${mode === "strict" ? " --strict" : ""} test/conformance/${name}`;
      throw new Error(`${formatVerdict(name, script.text, verdict)}  again: ${command}`);
    }
  });
});
