/**
 * Why a packet was dropped. Input from the wire never throws: each way to fail has a number here, and a
 * counter of that number in the stack, which `ss -s` and `netstat -s` show under the names below.
 */

/** The reasons, in the order in which a packet meets them. 0 means: not dropped. */
export const DROP_NAMES = [
  "ok",
  "ip-truncated",
  "ip-version",
  "ip-header-length",
  "ip-total-length",
  "ip-checksum",
  "ip-source-route",
  "ip-fragment",
  "ip-fragment-invalid",
  "ip-fragment-overlap",
  "ip-fragment-limit",
  "ip-fragment-timeout",
  "ip-source-invalid",
  "ip-not-ours",
  "shard-ring-full",
  "ip6-no-next-header",
  "ip6-next-header",
  "ip6-option",
  "ip6-routing",
  "ip6-extensions",
  "protocol-unknown",
  "icmp-malformed",
  "icmp-checksum",
  "icmp-unmatched",
  "tcp-truncated",
  "tcp-data-offset",
  "tcp-checksum",
  "tcp-port-zero",
  "tcp-no-connection",
  "tcp-syn-fin",
  "tcp-syn-queue-full",
  "tcp-accept-queue-full",
  "tcp-cookie-invalid",
  "tcp-sequence",
  "tcp-paws",
  "tcp-no-ack",
  "tcp-ack-unacceptable",
  "tcp-rst-out-of-window",
  "tcp-rst-limit",
  "tcp-missing-timestamp",
  "tcp-reassembly-full",
  "tcp-after-close",
  "tcp-time-wait",
  "tcp-flow-table-full",
  "device-refused",
] as const;

/** A name in `DROP_NAMES`. */
export type DropReason = (typeof DROP_NAMES)[number];

/** Index into `DROP_NAMES`; what parsers and handlers return. */
export type Drop = number;

const codeOf = (name: DropReason): Drop => DROP_NAMES.indexOf(name);

export const OK: Drop = codeOf("ok");
export const IP_TRUNCATED: Drop = codeOf("ip-truncated");
export const IP_VERSION: Drop = codeOf("ip-version");
export const IP_HEADER_LENGTH: Drop = codeOf("ip-header-length");
export const IP_TOTAL_LENGTH: Drop = codeOf("ip-total-length");
export const IP_CHECKSUM: Drop = codeOf("ip-checksum");
/** Linux: accept_source_route = 0. */
export const IP_SOURCE_ROUTE: Drop = codeOf("ip-source-route");
/** What a parser says of a fragment, which then goes to reassembly: nothing is dropped for it. */
export const IP_FRAGMENT: Drop = codeOf("ip-fragment");
export const IP_FRAGMENT_INVALID: Drop = codeOf("ip-fragment-invalid");
export const IP_FRAGMENT_OVERLAP: Drop = codeOf("ip-fragment-overlap");
export const IP_FRAGMENT_LIMIT: Drop = codeOf("ip-fragment-limit");
export const IP_FRAGMENT_TIMEOUT: Drop = codeOf("ip-fragment-timeout");
export const IP_SOURCE_INVALID: Drop = codeOf("ip-source-invalid");
export const IP_NOT_OURS: Drop = codeOf("ip-not-ours");
/** The packet belongs to another shard of the stack, which has no room for it now. */
export const SHARD_RING_FULL: Drop = codeOf("shard-ring-full");
export const IP6_NO_NEXT_HEADER: Drop = codeOf("ip6-no-next-header");
export const IP6_NEXT_HEADER: Drop = codeOf("ip6-next-header");
export const IP6_OPTION: Drop = codeOf("ip6-option");
export const IP6_ROUTING: Drop = codeOf("ip6-routing");
export const IP6_EXTENSIONS: Drop = codeOf("ip6-extensions");
export const PROTOCOL_UNKNOWN: Drop = codeOf("protocol-unknown");
export const ICMP_MALFORMED: Drop = codeOf("icmp-malformed");
export const ICMP_CHECKSUM: Drop = codeOf("icmp-checksum");
export const ICMP_UNMATCHED: Drop = codeOf("icmp-unmatched");
export const TCP_TRUNCATED: Drop = codeOf("tcp-truncated");
export const TCP_DATA_OFFSET: Drop = codeOf("tcp-data-offset");
export const TCP_CHECKSUM: Drop = codeOf("tcp-checksum");
export const TCP_PORT_ZERO: Drop = codeOf("tcp-port-zero");
export const TCP_NO_CONNECTION: Drop = codeOf("tcp-no-connection");
export const TCP_SYN_FIN: Drop = codeOf("tcp-syn-fin");
export const TCP_SYN_QUEUE_FULL: Drop = codeOf("tcp-syn-queue-full");
export const TCP_ACCEPT_QUEUE_FULL: Drop = codeOf("tcp-accept-queue-full");
export const TCP_COOKIE_INVALID: Drop = codeOf("tcp-cookie-invalid");
export const TCP_SEQUENCE: Drop = codeOf("tcp-sequence");
export const TCP_PAWS: Drop = codeOf("tcp-paws");
export const TCP_NO_ACK: Drop = codeOf("tcp-no-ack");
export const TCP_ACK_UNACCEPTABLE: Drop = codeOf("tcp-ack-unacceptable");
export const TCP_RST_OUT_OF_WINDOW: Drop = codeOf("tcp-rst-out-of-window");
export const TCP_RST_LIMIT: Drop = codeOf("tcp-rst-limit");
export const TCP_MISSING_TIMESTAMP: Drop = codeOf("tcp-missing-timestamp");
export const TCP_REASSEMBLY_FULL: Drop = codeOf("tcp-reassembly-full");
export const TCP_AFTER_CLOSE: Drop = codeOf("tcp-after-close");
export const TCP_TIME_WAIT: Drop = codeOf("tcp-time-wait");
export const TCP_FLOW_TABLE_FULL: Drop = codeOf("tcp-flow-table-full");
export const DEVICE_REFUSED: Drop = codeOf("device-refused");
