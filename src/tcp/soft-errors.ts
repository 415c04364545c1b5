/**
 * Errors that do not end a connection (RFC 5461): noted in `tcb.softError`, told to the application (RFC 9293 3.9.2.2,
 * MUST-47 as `ERROR_REPORT`), and given as the reason if a timeout does end it.
 */
import type { ErrorCode } from "../base/errors.ts";

export const HOST_UNREACHABLE = 1;
export const NET_UNREACHABLE = 2;

/** The code by number; 0 is no ICMP error, only silence. */
export const SOFT_ERRORS: readonly ErrorCode[] = ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"];
