/*
 * The target `limit`: the least TCP that can serve echo (7), discard (9) and chargen (19) over a TUN device with
 * offload. It is what system calls, copies and the client's kernel cost, and so the bound for any stack above a TUN
 * device; no peer, and nothing to use. It answers at any address, trusts checksums, has no congestion control and no
 * timestamps, keeps nothing for reassembly, and sends again only what chargen can make anew.
 *
 * usage: limit DEVICE [big]     makes the device and prints `ready {...}`; ends on SIGTERM or SIGINT.
 *   big     chargen writes 128 KiB at a time to IPv4 peers: the IP length is 0 then ("BIG TCP")
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ECHO = 7, DISCARD = 9, CHARGEN = 19 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { VNET = 12, TCP = 20, PACKET_MAX = 65535, BIG = 128 * 1024 };
enum { BUCKETS = 1 << 16, BATCH = 16 /* half of the window */, SHIFT = 5, WINDOW = 65535 /* shifted: 2 MiB */, STUCK_MS = 200 };

/* One connection, with the headers that all its segments begin with. */
struct flow {
  struct flow *next; /* in its bucket, or in the list of free ones */
  struct flow *next_owing;
  uint8_t remote[16];
  uint16_t remote_port, local_port; /* as on the wire */
  uint32_t una, nxt, rcv;
  uint32_t window; /* the peer's, in bytes */
  uint32_t last_una; /* at the last tick */
  uint16_t mss;
  uint8_t shift, family6, repeats;
  uint8_t owes;    /* in the list of those that settle() sends an ACK, or chargen's data */
  uint8_t closing; /* LAST-ACK */
  uint8_t gone;    /* from its bucket, while still in that list */
  uint32_t pseudo; /* sum of the pseudo-header without its length */
  int ip_length;
  uint8_t header[VNET + 40 + TCP];
};

/* A segment as it came. */
struct segment {
  uint8_t *ip, *tcp, *data;
  int family6, flags;
  uint32_t seq, ack, length;
  uint16_t window;
};

static struct flow *buckets[BUCKETS], *unused, *owing;
static uint8_t in[VNET + PACKET_MAX + 1], pattern[BIG + 95];
static int tun, big;
static volatile sig_atomic_t ticked;

static void die(const char *what) {
  fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint16_t load16(const uint8_t *p) { return p[0] << 8 | p[1]; }
static uint32_t load32(const uint8_t *p) { return (uint32_t)load16(p) << 16 | load16(p + 2); }
static void store16(uint8_t *p, uint32_t v) { p[0] = v >> 8, p[1] = v; }
static void store32(uint8_t *p, uint32_t v) { store16(p, v >> 16), store16(p + 2, v); }

static uint32_t sum(const uint8_t *p, int length) {
  uint32_t s = 0;
  for (int i = 0; i < length; i += 2) s += load16(p + i);
  return s;
}

static uint16_t fold(uint32_t s) {
  s = (s & 0xffff) + (s >> 16);
  return (s & 0xffff) + (s >> 16);
}

/* ---- the table of flows ---- */

static struct flow **find(const struct segment *s) {
  const uint8_t *remote = s->ip + (s->family6 ? 8 : 12);
  uint32_t ports, last;
  int size = s->family6 ? 16 : 4;
  memcpy(&ports, s->tcp, 4);
  memcpy(&last, remote + size - 4, 4);
  struct flow **at = &buckets[((ports ^ last * 31) * 2654435761u) >> 16];
  for (; *at; at = &(*at)->next) {
    if (memcmp(&(*at)->remote_port, s->tcp, 4) == 0 && (*at)->family6 == s->family6 &&
        memcmp((*at)->remote, remote, size) == 0)
      break;
  }
  return at;
}

static void forget(struct flow **at) {
  struct flow *flow = *at;
  *at = flow->next;
  flow->gone = 1;
  if (flow->owes) return; /* settle() frees it */
  flow->next = unused;
  unused = flow;
}

static struct flow *take(void) {
  struct flow *flow = unused;
  if (flow) unused = flow->next;
  else if (!(flow = malloc(sizeof *flow))) die("malloc");
  memset(flow, 0, sizeof *flow);
  return flow;
}

/* ---- sending ---- */

static void prepare(struct flow *flow, const struct segment *s) {
  uint8_t *ip = flow->header + VNET, *tcp;
  flow->family6 = s->family6;
  flow->ip_length = s->family6 ? 40 : 20;
  tcp = ip + flow->ip_length;
  if (s->family6) {
    memcpy(flow->remote, s->ip + 8, 16);
    ip[0] = 0x60, ip[6] = IPPROTO_TCP, ip[7] = 64;
    memcpy(ip + 8, s->ip + 24, 16);
    memcpy(ip + 24, s->ip + 8, 16);
    flow->pseudo = IPPROTO_TCP + sum(ip + 8, 32);
  } else {
    memcpy(flow->remote, s->ip + 12, 4);
    ip[0] = 0x45, ip[6] = 0x40 /* DF */, ip[8] = 64, ip[9] = IPPROTO_TCP;
    memcpy(ip + 12, s->ip + 16, 4);
    memcpy(ip + 16, s->ip + 12, 4);
    flow->pseudo = IPPROTO_TCP + sum(ip + 12, 8);
  }
  memcpy(&flow->remote_port, s->tcp, 4);
  memcpy(tcp, s->tcp + 2, 2);
  memcpy(tcp + 2, s->tcp, 2);
  store16(tcp + 14, WINDOW);
}

static void send_segment(struct flow *flow, int flags, uint32_t seq, const void *data, uint32_t length, int options) {
  uint8_t *ip = flow->header + VNET, *tcp = ip + flow->ip_length;
  struct virtio_net_hdr *vnet = (struct virtio_net_hdr *)flow->header;
  int headers = flow->ip_length + TCP;
  uint32_t packet = headers + length;
  struct iovec parts[2] = {{flow->header, VNET + headers}, {(void *)data, length}};
  vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  vnet->csum_start = flow->ip_length;
  vnet->csum_offset = 16;
  vnet->hdr_len = headers;
  vnet->gso_size = flow->mss;
  vnet->gso_type = length <= flow->mss  ? VIRTIO_NET_HDR_GSO_NONE
                   : flow->family6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                   : VIRTIO_NET_HDR_GSO_TCPV4;
  if (flow->family6) {
    store16(ip + 4, TCP + length);
  } else {
    store16(ip + 2, packet > PACKET_MAX ? 0 : packet);
    store16(ip + 10, 0);
    store16(ip + 10, ~fold(sum(ip, 20)));
  }
  store32(tcp + 4, seq);
  store32(tcp + 8, flow->rcv);
  tcp[12] = (TCP + options) / 4 << 4;
  tcp[13] = flags;
  store16(tcp + 16, fold(flow->pseudo + fold(TCP + length)));
  if (writev(tun, parts, length > 0 ? 2 : 1) < 0 && errno != EAGAIN && errno != EIO) die("write");
}

/* Fills the peer's window, by whole super-segments unless nothing is on its way. */
static void generate(struct flow *flow) {
  uint32_t most = big && !flow->family6 ? BIG : (uint32_t)(PACKET_MAX - flow->ip_length - TCP);
  if (flow->mss > 32768 && most < BIG) most = flow->mss;
  for (;;) {
    uint32_t flying = flow->nxt - flow->una, room = flow->window > flying ? flow->window - flying : 0;
    uint32_t length = room < most ? room : most;
    if (length == 0 || (length < most && flying > 0)) return;
    send_segment(flow, ACK | PSH, flow->nxt, pattern + flow->nxt % 95, length, 0);
    flow->nxt += length;
  }
}

static void owe(struct flow *flow) {
  if (flow->owes) return;
  flow->owes = 1;
  flow->next_owing = owing;
  owing = flow;
}

/* After a batch: what chargen may send, and one ACK for each that still owes one. */
static void settle(void) {
  while (owing) {
    struct flow *flow = owing;
    owing = flow->next_owing;
    if (flow->gone) {
      flow->next = unused;
      unused = flow;
      continue;
    }
    flow->owes = 0;
    if (flow->local_port != htons(CHARGEN)) send_segment(flow, ACK, flow->nxt, NULL, 0, 0);
    else if (!flow->closing) generate(flow);
  }
}

/* ---- receiving ---- */

/* RFC 9293 3.1: kinds 2 (MSS) and 3 (RFC 7323's window scale) are all that is looked at. */
static void open_flow(struct flow **at, const struct segment *s) {
  static uint32_t iss = 1;
  uint8_t answer[8] = {2, 4, 0xff, 0xd7 /* 65,495: the client's own MTU decides */, 1, 3, 3, SHIFT};
  const uint8_t *option = s->tcp + TCP, *end = s->tcp + (s->tcp[12] >> 4) * 4;
  struct flow *flow;
  int port = load16(s->tcp + 2), mss = 536;
  if (port != ECHO && port != DISCARD && port != CHARGEN) return;
  if (*at) forget(at);
  flow = take();
  prepare(flow, s);
  while (option < end && *option != 0) {
    if (*option == 1) option++;
    else if (option + 1 >= end || option[1] < 2) break;
    else {
      if (*option == 2) mss = load16(option + 2);
      if (*option == 3) flow->shift = option[2];
      option += option[1];
    }
  }
  flow->mss = mss;
  flow->window = s->window; /* of a SYN: not shifted */
  flow->rcv = s->seq + 1;
  flow->una = flow->nxt = (iss += 64000) + 1;
  *find(s) = flow;
  send_segment(flow, SYN | ACK, iss, answer, sizeof answer, sizeof answer);
}

static void acknowledged(struct flow *flow, const struct segment *s) {
  uint32_t window = (uint32_t)s->window << flow->shift;
  if ((int32_t)(s->ack - flow->una) > 0) {
    if ((int32_t)(s->ack - flow->nxt) > 0) flow->nxt = s->ack; /* after going back: it had arrived */
    flow->una = s->ack;
    flow->repeats = 0;
  } else if (s->length == 0 && window == flow->window && flow->nxt != flow->una && ++flow->repeats == 3) {
    flow->nxt = flow->una;
  }
  flow->window = window;
}

static void receive(struct segment *s) {
  struct flow **at = find(s), *flow = *at;
  if (s->flags & SYN) {
    if (!(s->flags & ACK)) open_flow(at, s);
    return;
  }
  if (!flow) return;
  if (s->flags & RST) {
    forget(at);
    return;
  }
  acknowledged(flow, s);
  if (flow->closing) {
    if (s->ack == flow->nxt) forget(at);
    else send_segment(flow, FIN | ACK, flow->nxt - 1, NULL, 0, 0);
    return;
  }
  if (s->length == 0 && !(s->flags & FIN)) {
    if (flow->local_port == htons(CHARGEN)) owe(flow);
    return;
  }
  if (s->seq != flow->rcv) {
    owe(flow);
    return;
  }
  flow->rcv += s->length;
  if (flow->local_port == htons(ECHO) && s->length > 0) {
    send_segment(flow, ACK | PSH, flow->nxt, s->data, s->length, 0);
    flow->nxt += s->length;
  } else if (!(s->flags & FIN)) {
    owe(flow);
  }
  if (s->flags & FIN) {
    flow->rcv++;
    send_segment(flow, FIN | ACK, flow->nxt++, NULL, 0, 0);
    flow->closing = 1;
  }
}

/* Finds the TCP segment in a packet; 0 where there is none. */
static int parse(struct segment *s, uint32_t length) {
  uint8_t *ip = s->ip = in + VNET;
  uint32_t total;
  s->family6 = ip[0] >> 4 == 6;
  if (s->family6) {
    if (length < 60 || ip[6] != IPPROTO_TCP) return 0;
    s->tcp = ip + 40;
    total = 40 + load16(ip + 4);
  } else {
    if (length < 40 || ip[0] != 0x45 || ip[9] != IPPROTO_TCP || (load16(ip + 6) & 0x3fff) != 0) return 0;
    s->tcp = ip + 20;
    total = load16(ip + 2);
  }
  s->data = s->tcp + (s->tcp[12] >> 4) * 4;
  if (total > length || s->data > ip + total) return 0;
  s->flags = s->tcp[13];
  s->seq = load32(s->tcp + 4);
  s->ack = load32(s->tcp + 8);
  s->window = load16(s->tcp + 14);
  s->length = ip + total - s->data;
  return 1;
}

/* ---- the device and the loop ---- */

/* What has stood still for a whole tick with data on its way is sent again from the start. */
static void tick(void) {
  ticked = 0;
  for (int i = 0; i < BUCKETS; i++) {
    for (struct flow *flow = buckets[i]; flow; flow = flow->next) {
      if (flow->local_port != htons(CHARGEN) || flow->closing) continue;
      if (flow->nxt != flow->una && flow->una == flow->last_una) flow->nxt = flow->una;
      flow->last_una = flow->una;
      owe(flow);
    }
  }
  settle();
}

static void on_alarm(int signal) {
  (void)signal;
  ticked = 1;
}

static void open_device(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  int header = VNET;
  if (strlen(name) >= IFNAMSIZ) {
    fprintf(stderr, "limit: %s: a device's name has at most %d characters\n", name, IFNAMSIZ - 1);
    exit(2);
  }
  strcpy(request.ifr_name, name);
  if ((tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) < 0) die("/dev/net/tun");
  if (ioctl(tun, TUNSETIFF, &request) < 0) die(name);
  if (ioctl(tun, TUNSETVNETHDRSZ, &header) < 0) die("TUNSETVNETHDRSZ");
  if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) die("TUNSETOFFLOAD");
}

static void watch_time(void) {
  struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: a read must return */
  struct timeval every = {.tv_usec = STUCK_MS * 1000};
  struct itimerval timer = {every, every};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &timer, NULL);
}

int main(int argc, char **argv) {
  struct iovec all = {in, sizeof in};
  struct segment segment;
  if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "big") != 0)) {
    fprintf(stderr, "usage: limit DEVICE [big]\n");
    return 2;
  }
  big = argc == 3;
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = ' ' + i % 95;
  open_device(argv[1]);
  watch_time();
  printf("ready {\"pid\":%d}\n", getpid());
  fflush(stdout);
  for (int batch = 0;;) {
    /* A blocking read where no reply is owed saves a poll; the flag costs nothing, as fcntl() would. */
    ssize_t n = preadv2(tun, &all, 1, -1, owing ? RWF_NOWAIT : 0);
    if (n < 0 && errno != EAGAIN && errno != EINTR) die("read");
    if (n > VNET && parse(&segment, n - VNET)) receive(&segment);
    if (n < 0 || ++batch == BATCH) {
      settle();
      batch = 0;
    }
    if (ticked) tick();
  }
}
