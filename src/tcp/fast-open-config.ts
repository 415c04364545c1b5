/** The settings of TCP Fast Open (RFC 7413), off by default; the bits and keys are those of Linux's sysctls. */
import { type Micros, SECOND } from "../base/time.ts";

/** Bits of `FastOpenConfig.fastOpen` (Linux: net.ipv4.tcp_fastopen). */
export const FAST_OPEN_CLIENT = 0x1 as const;
/** Listeners that were given `fastOpen` accept text in a SYN that carries a valid cookie. */
export const FAST_OPEN_SERVER = 0x2 as const;
/** Text leaves in the SYN without a cookie, to any host. */
export const FAST_OPEN_CLIENT_BARE = 0x4 as const;
/** Text in a SYN is accepted without a cookie: from whoever forges an address, too. */
export const FAST_OPEN_SERVER_BARE = 0x200 as const;
/** Every listener accepts, asked for or not. */
export const FAST_OPEN_ALL_LISTENERS = 0x400 as const;

/** Part of `TcpConfig`. */
export interface FastOpenConfig {
  /** A union of the bits above; 0, the default: off. */
  fastOpen: number;
  /**
   * Key of the cookies that listeners make, as Linux's tcp_fastopen_key: four groups of eight hexadecimal digits, joined by
   * "-"; with a second one behind a comma, cookies of that are still accepted (RFC 7413 4.1.2). "", the default: from the secret.
   */
  fastOpenKey: string;
  /** Connections accepted by a SYN alone that a listener may have waiting for the third segment (RFC 7413 5.1), without a limit of its own. 0: its backlog. */
  fastOpenQueue: number;
  /** How long a destination that gave no cookie, or refused ours, is not asked again (RFC 7413 4.1.3.1). FreeBSD: 15 min; Linux: 0, it asks each time. */
  fastOpenNegative: Micros;
  /** No Fast Open to anybody for so long after a connection timed out again and again, twice as long each time. 0, the default: never (Linux: tcp_fastopen_blackhole_timeout). */
  fastOpenBlackhole: Micros;
}

/** The defaults. */
export const DEFAULT_FAST_OPEN: FastOpenConfig = {
  fastOpen: 0,
  fastOpenKey: "",
  fastOpenQueue: 0,
  fastOpenNegative: 900 * SECOND,
  fastOpenBlackhole: 0,
};
