/** Runs a script against a stack in virtual time: what it asks of the stack is done, what it expects is compared. */
import { DEFAULT_CONFIG } from "../../tcp/config.ts";
import { isCongestionName } from "../../tcp/congestion/congestion.ts";
import type { Script } from "./ast.ts";
import { Unbuildable } from "./build.ts";
import { Unsupported } from "./expression.ts";
import { Interpreter } from "./interpreter.ts";
import { Machine } from "./machine.ts";
import { networkOf } from "./network.ts";
import { hasOffload, profileConfig } from "./profiles.ts";
import { ScriptFailure } from "./script-failure.ts";
import { connectionVariables } from "./variables.ts";
import type { RunOptions, Verdict } from "./verdict.ts";

/** Runs `script` from beginning to end, or to the first event that is not as it says. */
export function runScript(script: Script, options: RunOptions): Verdict {
  const network = networkOf(script.options);
  if (typeof network === "string") {
    return { status: "unsupported", line: script.options[0]?.line ?? null, message: network };
  }
  const tcp = { ...DEFAULT_CONFIG, ...profileConfig(options.profile) };
  if (!isCongestionName(tcp.congestion)) tcp.congestion = DEFAULT_CONFIG.congestion;
  const machine = new Machine({
    addresses: [network.prefix],
    mtu: network.mtu,
    offload: hasOffload(options.profile),
    tcp,
  });
  const interpreter = new Interpreter(script, machine, network, options);
  try {
    interpreter.run();
    return { status: "pass", line: null, message: "", atUs: interpreter.elapsed };
  } catch (error) {
    const line = interpreter.line;
    const atUs = interpreter.elapsed;
    if (error instanceof Unsupported || error instanceof Unbuildable) {
      return { status: "unsupported", line, message: error.message, atUs };
    }
    const variables = connectionVariables(interpreter.tcbUnderTest(), interpreter.now);
    if (error instanceof ScriptFailure) {
      return {
        status: "fail",
        line: error.line ?? line,
        message: error.message,
        atUs,
        variables,
        ...error.views,
      };
    }
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { status: "fail", line, message: text, atUs, variables };
  }
}
