/** What a call gave against what the script says of it. */
import type { SystemCall } from "./ast.ts";
import type { CallOutcome } from "./calls.ts";
import { numberOf } from "./expression.ts";
import type { Profile } from "./verdict.ts";

/** What is not as the script says, or null. */
export function complaintAbout(call: SystemCall, outcome: CallOutcome, profile: Profile): string | null {
  const expected = numberOf(call.result, profile);
  const seen = outcome.error === null ? `${outcome.result}` : `-1 ${outcome.error}`;
  const wanted = call.error?.name ?? null;
  if (wanted !== null && alias(wanted) !== alias(outcome.error)) return `returned ${seen}, not -1 ${wanted}`;
  if (expected !== null && expected !== outcome.result) return `returned ${seen}, not ${expected}`;
  return outcome.complaint;
}

/** errno names that are the same number. */
function alias(name: string | null): string | null {
  return name === "EWOULDBLOCK" ? "EAGAIN" : name === "ENOTSUP" ? "EOPNOTSUPP" : name;
}
