import { describe, expect, it } from "vitest";
import { firstError } from "../../../bench/peers/compile.ts";
import { changelogVersion, mirrorOf, packageOf } from "../../../bench/peers/debian.ts";

describe("Debian's packages", () => {
  it("come from the mirror that the machine uses, in either format of its sources, else from Debian's own", () => {
    const lines =
      "# deb http://old.example/debian buster main\ndeb http://mirror.example/debian bookworm main\n";
    expect(mirrorOf(lines)).toBe("http://mirror.example/debian");
    expect(mirrorOf("Types: deb\nURIs: https://mirror.example/debian/\nSuites: bookworm\n")).toBe(
      "https://mirror.example/debian/",
    );
    const others =
      "deb http://security.debian.org/debian-security bookworm main\ndeb https://node.example/x y z\n";
    expect(mirrorOf(others)).toBe("http://deb.debian.org/debian");
  });

  it("have name and version in their file's name, an epoch written as %3a", () => {
    expect(packageOf("golang-go_2%3a1.24~2_amd64.deb")).toEqual(["golang-go", "2:1.24~2"]);
  });

  it("have a source's version in the first line of its changelog", () => {
    expect(changelogVersion("lwip (2.2.1+dfsg1-1) unstable; urgency=medium\n")).toBe("2.2.1+dfsg1-1");
    expect(changelogVersion("")).toBe("unknown");
  });

  it("that do not compile say why in one line", () => {
    const complaints =
      "# command-line-arguments\n./gso.go:12:2: undefined: foo\n./gso.go:13:2: undefined: bar\n";
    expect(firstError(complaints)).toBe("./gso.go:12:2: undefined: foo");
    expect(firstError("lwip.c: In function 'get':\nlwip.c:80:41: error: 'x' undeclared\n")).toContain(
      "undeclared",
    );
  });
});
