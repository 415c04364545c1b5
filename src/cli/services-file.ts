/** The system's names of ports, as every tool of the field reads them. */
import { readFileSync } from "node:fs";
import { parseServices } from "./socket-words.ts";

/** From /etc/services; empty where there is none. */
export function portNames(): Map<number, string> {
  try {
    return parseServices(readFileSync("/etc/services", "utf8"));
  } catch {
    return new Map();
  }
}
