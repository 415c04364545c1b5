/*
 * Puts forged packets on a TUN device from the kernel's side (AF_PACKET), deterministic from a seed:
 *   injector fuzz  DEVICE COUNT SEED SOURCE STACK LIVE_PORT   random and mutated packets, some at a live connection
 *   injector fuzz6 DEVICE COUNT SEED SOURCE STACK LIVE_PORT   the same in IPv6: extension headers, ICMPv6, fragments
 *   injector flood DEVICE COUNT SEED STACK PORT               SYNs from addresses all over the stack's /16
 * Prints how many packets the device took. A full queue is waited for, so that every packet arrives.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t state;

static uint32_t rnd(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static uint32_t below(uint32_t n) { return rnd() % n; }

static void put16(uint8_t *p, uint32_t v) {
  p[0] = v >> 8;
  p[1] = v;
}

static void put32(uint8_t *p, uint32_t v) {
  put16(p, v >> 16);
  put16(p + 2, v);
}

/* RFC 1071. */
static uint32_t sum(const uint8_t *p, size_t n, uint32_t s) {
  for (; n > 1; p += 2, n -= 2) s += p[0] << 8 | p[1];
  if (n) s += p[0] << 8;
  while (s >> 16) s = (s & 0xffff) + (s >> 16);
  return s;
}

static size_t header_length(const uint8_t *ip, size_t length) {
  size_t n = (ip[0] & 15) * 4u;
  return n < 20 || n > length ? 20 : n;
}

/* Right checksums over whatever is there, so that the packet is looked at further. */
static void seal(uint8_t *ip, size_t length) {
  if (length < 20) return;
  size_t head = header_length(ip, length);
  put16(ip + 10, 0);
  put16(ip + 10, ~sum(ip, head, 0) & 0xffff);
  size_t text = length - head;
  uint8_t *l4 = ip + head;
  if (ip[9] == 6 && text >= 20) {
    put16(l4 + 16, 0);
    put16(l4 + 16, ~sum(l4, text, sum(ip + 12, 8, 6 + text)) & 0xffff);
  } else if (ip[9] == 1 && text >= 8) {
    put16(l4 + 2, 0);
    put16(l4 + 2, ~sum(l4, text, 0) & 0xffff);
  }
}

static size_t ip_packet(uint8_t *ip, int protocol, uint32_t src, uint32_t dst, size_t text) {
  memset(ip, 0, 20);
  ip[0] = 0x45;
  put16(ip + 2, 20 + text);
  put16(ip + 4, rnd());
  ip[8] = 64;
  ip[9] = protocol;
  put32(ip + 12, src);
  put32(ip + 16, dst);
  return 20 + text;
}

/* A segment that is well formed unless its options, which are random half of the time, make it otherwise. */
static size_t tcp_packet(uint8_t *ip, uint32_t src, uint32_t dst, uint32_t sport, uint32_t dport, uint32_t flags) {
  size_t options = below(11) * 4, text = below(4) ? below(200) : 0;
  size_t length = ip_packet(ip, 6, src, dst, 20 + options + text);
  uint8_t *tcp = ip + 20;
  put16(tcp, sport);
  put16(tcp + 2, dport);
  put32(tcp + 4, rnd());
  put32(tcp + 8, rnd());
  tcp[12] = (5 + options / 4) << 4;
  tcp[13] = flags;
  put16(tcp + 14, rnd());
  put16(tcp + 18, below(8) ? 0 : rnd());
  for (size_t i = 0; i < options + text; i++) tcp[20 + i] = rnd();
  static const uint8_t good[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 3, 3, 7, 1};
  if (options >= 20 && below(2)) {
    memset(tcp + 20, 1, options);
    memcpy(tcp + 20, good, sizeof good);
  }
  return length;
}

static size_t icmp_packet(uint8_t *ip, uint32_t src, uint32_t dst, uint32_t sport) {
  size_t text = 8 + below(120);
  size_t length = ip_packet(ip, 1, src, dst, text);
  uint8_t *icmp = ip + 20;
  for (size_t i = 0; i < text; i++) icmp[i] = rnd();
  static const uint8_t types[] = {8, 0, 3, 3, 3, 11, 12, 5};
  icmp[0] = types[below(8)];
  if (icmp[0] == 3) icmp[1] = below(16);
  if (text >= 36 && below(2)) {
    /* What it quotes: a segment of the live connection. */
    ip_packet(icmp + 8, 6, dst, src, 20);
    put16(icmp + 28, 7);
    put16(icmp + 30, sport);
  }
  return length;
}

static void mutate(uint8_t *ip, size_t *length) {
  for (uint32_t n = 1 + below(4); n > 0; n--) {
    switch (below(4)) {
      case 0: ip[below(*length)] ^= 1 << below(8); break;
      case 1: ip[below(*length < 60 ? *length : 60)] = rnd(); break;
      case 2: *length = 1 + below(*length); break;
      default: if (*length >= 4) put16(ip + 2, below(2) ? rnd() : *length - 20 + below(40));
    }
  }
}

static size_t forge(uint8_t *ip, uint32_t src, uint32_t dst, uint32_t live) {
  static const uint32_t ports[] = {7, 9, 19, 80, 81};
  uint32_t kind = below(10);
  uint32_t sport = below(3) ? rnd() : live, dport = below(3) ? ports[below(5)] : rnd();
  size_t length;
  if (kind == 0) {
    length = 1 + below(120);
    for (size_t i = 0; i < length; i++) ip[i] = rnd();
    return length;
  }
  if (kind == 1) length = icmp_packet(ip, src, dst, live);
  else if (kind == 2) length = ip_packet(ip, below(2) ? 17 : rnd(), src, dst, below(64));
  else if (kind <= 5) length = tcp_packet(ip, src, dst, live, 7, rnd());
  else if (kind == 6) length = tcp_packet(ip, src, dst, sport, dport, 2);
  else length = tcp_packet(ip, below(4) ? src : rnd(), below(8) ? dst : rnd(), sport, dport, rnd());
  if (below(2)) mutate(ip, &length);
  if (below(5)) seal(ip, length);
  return length;
}

/* IPv6: the checksum of the payload, over the pseudo-header; where extension headers precede it, made before they are put in. */
static void seal6(uint8_t *ip, size_t length, int protocol) {
  size_t text = length - 40, at = protocol == 6 ? 16 : 2;
  if (text < at + 2) return;
  put16(ip + 40 + at, 0);
  put16(ip + 40 + at, ~sum(ip + 40, text, sum(ip + 8, 32, protocol + text)) & 0xffff);
}

static size_t ip6_packet(uint8_t *ip, int next, const uint8_t *src, const uint8_t *dst, size_t text) {
  memset(ip, 0, 8);
  ip[0] = 0x60;
  put16(ip + 4, text);
  ip[6] = next;
  ip[7] = 64;
  memcpy(ip + 8, src, 16);
  memcpy(ip + 24, dst, 16);
  return 40 + text;
}

/* A header between the first one and what follows it: options, routing, fragment, authentication, or a number that is none. */
static size_t insert6(uint8_t *ip, size_t length) {
  static const uint8_t kinds[] = {0, 43, 44, 44, 44, 51, 59, 60, 60, 139};
  size_t kind = below(12) ? kinds[below(10)] : below(256), size = kind == 44 ? 8 : 8 * (1 + below(3));
  memmove(ip + 40 + size, ip + 40, length - 40);
  uint8_t *h = ip + 40;
  for (size_t i = 0; i < size; i++) h[i] = rnd();
  h[0] = ip[6];
  h[1] = below(12) ? size / 8 - 1 : rnd();
  if (kind == 44) {
    /* Often the same few packets, so that parts of them meet, overlap and run past 64 KiB. */
    put16(h + 2, below(4) ? below(6) * 8 + below(2) : rnd());
    put32(h + 4, below(2) ? below(64) : rnd());
  } else if ((kind == 60 || kind == 0) && below(2)) {
    memset(h + 2, 0, size - 2);
    h[2] = 1;
    h[3] = size - 4;
  } else if (kind == 43 && below(2)) {
    h[3] = 0;
  }
  ip[6] = kind;
  put16(ip + 4, length + size - 40);
  return length + size;
}

static size_t forge6(uint8_t *ip, const uint8_t *src, const uint8_t *dst, uint32_t live) {
  static const uint8_t types[] = {1, 2, 2, 3, 4, 128, 129, 133, 135, 143};
  static uint8_t inner[2048];
  uint32_t kind = below(8);
  size_t length;
  if (kind == 0) {
    length = 1 + below(120);
    for (size_t i = 0; i < length; i++) ip[i] = rnd();
    ip[0] = 0x60 | (ip[0] & 15);
    return length;
  }
  if (kind <= 2) {
    size_t text = 8 + below(160);
    length = ip6_packet(ip, 58, src, dst, text);
    uint8_t *icmp = ip + 40;
    for (size_t i = 0; i < text; i++) icmp[i] = rnd();
    icmp[0] = below(8) ? types[below(10)] : rnd();
    icmp[1] = below(8);
    if (icmp[0] == 2 && below(2)) put32(icmp + 4, 1200 + below(400));
    if (text >= 68 && below(2)) {
      ip6_packet(icmp + 8, 6, dst, src, 20);
      put16(icmp + 48, 7);
      put16(icmp + 50, live);
    }
    if (below(8)) seal6(ip, length, 58);
  } else {
    /* A segment as for IPv4, under another header. */
    size_t text = tcp_packet(inner, 0, 0, kind <= 5 ? live : rnd(), kind <= 6 ? 7 : rnd(), kind == 6 ? 2 : rnd()) - 20;
    uint8_t next = below(12) ? 6 : below(3) ? 17 : rnd();
    length = ip6_packet(ip, next, src, dst, text);
    memcpy(ip + 40, inner + 20, text);
    if (below(8)) seal6(ip, length, 6);
  }
  if (below(10) == 0) ip[8 + below(32)] = rnd();
  if (below(2)) for (uint32_t n = 1 + below(below(6) ? 2 : 12); n > 0; n--) length = insert6(ip, length);
  if (below(3) == 0) {
    for (uint32_t n = 1 + below(4); n > 0; n--) ip[below(length)] ^= 1 << below(8);
    if (below(4) == 0) length = 1 + below(length);
    ip[0] = 0x60 | (ip[0] & 15);
  }
  return length;
}

static void address6(const char *text, uint8_t *to) {
  if (inet_pton(AF_INET6, text, to) != 1) exit(2);
}

static uint32_t address(const char *text) {
  struct in_addr in;
  if (inet_pton(AF_INET, text, &in) != 1) exit(2);
  return ntohl(in.s_addr);
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  int flood = strcmp(argv[1], "flood") == 0, v6 = strcmp(argv[1], "fuzz6") == 0;
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP)};
  to.sll_ifindex = if_nametoindex(argv[2]);
  if (fd < 0 || to.sll_ifindex == 0) {
    perror(argv[2]);
    return 1;
  }
  /* Behind a queueing discipline the device's drops would not be told. */
  int one = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  uint32_t count = strtoul(argv[3], NULL, 10), taken = 0;
  state = strtoul(argv[4], NULL, 10) | 1;
  uint8_t source6[16], stack6[16];
  if (v6) {
    address6(argv[5], source6);
    address6(argv[6], stack6);
  }
  uint32_t first = v6 ? 0 : address(argv[5]), second = flood || v6 ? 0 : address(argv[6]);
  uint32_t port = strtoul(argv[flood ? 6 : 7], NULL, 10);
  static uint8_t packet[2048];
  for (uint32_t i = 0; i < count; i++) {
    size_t length;
    if (flood) {
      length = tcp_packet(packet, (first & 0xffff0000) | (0x100 + below(0xfe00)), first, 1024 + below(60000), port, 2);
      seal(packet, length);
    } else if (v6) {
      length = forge6(packet, source6, stack6, port);
    } else {
      length = forge(packet, first, second, port);
    }
    /* A packet of another version has another link-layer protocol; both arrive. */
    while (sendto(fd, packet, length, 0, (struct sockaddr *)&to, sizeof to) < 0) {
      if (errno != ENOBUFS && errno != EAGAIN) goto refused;
      usleep(200);
    }
    taken++;
  refused:;
  }
  printf("%u\n", taken);
  return 0;
}
