import { expect, test } from "vitest";
import { STATE_NAMES, TRANSITIONS } from "../../src/tcp/state.ts";

test("docs/state-diagram.md is drawn from the transition table (npx vitest run test/arch -u draws it anew)", async () => {
  const lines = TRANSITIONS.map(({ from, to, on }) => {
    const id = (state: number): string => STATE_NAMES[state]!.replaceAll("-", "_");
    return `  ${id(from)} --> ${id(to)}: ${on.replaceAll(":", ",")}`;
  });
  const document = [
    "# The states of a connection",
    "",
    "Drawn from `TRANSITIONS` in `src/tcp/state.ts` by a test: RFC 9293 3.3.2, figure 5, with the transitions that only",
    "section 3.10 has. Nothing else is legal; `enterState` asserts it.",
    "",
    "```mermaid",
    "stateDiagram-v2",
    "  [*] --> CLOSED",
    ...lines,
    "```",
    "",
  ].join("\n");
  await expect(document).toMatchFileSnapshot("../../docs/state-diagram.md");
});
