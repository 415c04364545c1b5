import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addonCandidates, loadAddon } from "../../../src/device/addon.ts";

describe("addon", () => {
  it("is looked for where it is built, then among the prebuilt ones", () => {
    const [built, prebuilt] = addonCandidates();
    expect(built).toMatch(/\/native\/build\/usertcp\.node$/);
    expect(prebuilt).toMatch(
      new RegExp(`/native/prebuilds/${process.platform}-${process.arch}/usertcp\\.node$`),
    );
  });

  it("says in one line why each candidate failed, and what to do", () => {
    const folder = mkdtempSync(join(tmpdir(), "usertcp-addon-"));
    const broken = join(folder, "broken.node");
    writeFileSync(broken, "not a library");
    try {
      expect(() => loadAddon([join(folder, "absent.node"), broken])).toThrow(
        expect.objectContaining({
          code: "ERR_ADDON_NOT_FOUND",
          message: expect.stringMatching(
            /^.*usertcp build-addon.*absent\.node: not there; .*broken\.node: .+$/,
          ),
        }),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
