/** The names that scripts use for ICMP types and codes, by IP version (RFC 792, RFC 1812, RFC 4443). */

/** Type and its codes. */
interface IcmpType {
  readonly type: number;
  readonly codes: Readonly<Record<string, number>>;
}

const UNREACHABLE_4 = {
  net_unreachable: 0,
  host_unreachable: 1,
  protocol_unreachable: 2,
  port_unreachable: 3,
  frag_needed: 4,
  source_route_failed: 5,
  net_unknown: 6,
  host_unknown: 7,
  source_host_isolated: 8,
  net_prohibited: 9,
  host_prohibited: 10,
  net_unreachable_for_tos: 11,
  host_unreachable_for_tos: 12,
  packet_filtered: 13,
  precedence_violation: 14,
  precedence_cutoff: 15,
} as const;

const UNREACHABLE_6 = {
  no_route: 0,
  noroute: 0,
  net_unreachable: 0,
  admin_prohibited: 1,
  not_neighbour: 2,
  not_neighbor: 2,
  beyond_scope: 2,
  addr_unreachable: 3,
  address_unreachable: 3,
  host_unreachable: 3,
  port_unreachable: 4,
  policy_failed: 5,
  reject_route: 6,
} as const;

const TYPES_4: Readonly<Record<string, IcmpType>> = {
  echo_reply: { type: 0, codes: {} },
  unreachable: { type: 3, codes: UNREACHABLE_4 },
  destination_unreachable: { type: 3, codes: UNREACHABLE_4 },
  source_quench: { type: 4, codes: {} },
  redirect: { type: 5, codes: { net: 0, host: 1, tos_net: 2, tos_host: 3 } },
  echo_request: { type: 8, codes: {} },
  time_exceeded: { type: 11, codes: { ttl: 0, exceed_ttl: 0, frag: 1, exceed_fragtime: 1 } },
  parameter_problem: { type: 12, codes: { header: 0, missing_option: 1, length: 2 } },
  timestamp_request: { type: 13, codes: {} },
  timestamp_reply: { type: 14, codes: {} },
};

const TYPES_6: Readonly<Record<string, IcmpType>> = {
  unreachable: { type: 1, codes: UNREACHABLE_6 },
  destination_unreachable: { type: 1, codes: UNREACHABLE_6 },
  packet_too_big: { type: 2, codes: {} },
  time_exceeded: { type: 3, codes: { exceed_hopcount: 0, hop_limit: 0, ttl: 0, exceed_fragtime: 1 } },
  parameter_problem: {
    type: 4,
    codes: { hdr_field: 0, header: 0, unk_nexthdr: 1, next_header: 1, unk_option: 2, option: 2 },
  },
  echo_request: { type: 128, codes: {} },
  echo_reply: { type: 129, codes: {} },
};

/** Numbers of `type` and `code`, by name or digits; null for a name that is none. */
export function icmpNumbers(
  family: 4 | 6,
  type: string,
  code: string | null,
): { type: number; code: number } | null {
  const known = (family === 4 ? TYPES_4 : TYPES_6)[type];
  const number = known?.type ?? digits(type);
  if (number === null) return null;
  if (code === null) return { type: number, code: 0 };
  const codeNumber = known?.codes[code] ?? digits(code);
  return codeNumber === null ? null : { type: number, code: codeNumber };
}

function digits(text: string): number | null {
  return /^\d+$/.test(text) ? Number(text) : null;
}
