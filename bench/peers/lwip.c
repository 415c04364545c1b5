/*
 * The target `lwip`: echo (7), discard (9) and chargen (19) on lwIP's raw API over a TUN device, one thread. lwIP knows
 * no segmentation offload, so each read and write is one packet of the MTU. Compiled with lwIP's own sources, see
 * peers/lwip.ts; its options are in lwip/lwipopts.h.
 *
 * usage: lwip DEVICE     makes the device and prints `ready {...}`; ends on SIGTERM or SIGINT, and says on standard
 *                        error which of lwIP's pools ran empty, if any did.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/netif.h"
#include "lwip/stats.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"

enum { ECHO = 7, DISCARD = 9, CHARGEN = 19 };
enum { BATCH = 64, PARTS = 16, BACKLOG = 255, WRITE_MAX = 0xffff };

static int tun;
static char pattern[WRITE_MAX];
static volatile sig_atomic_t ended;

static void die(const char *what) {
  fprintf(stderr, "lwip: %s: %s\n", what, strerror(errno));
  exit(1);
}

u32_t sys_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the device ---- */

static err_t put(struct pbuf *p) {
  struct iovec parts[PARTS];
  int count = 0;
  for (; p && count < PARTS; p = p->next) parts[count++] = (struct iovec){p->payload, p->len};
  if (p) return ERR_BUF;
  return writev(tun, parts, count) < 0 ? ERR_IF : ERR_OK;
}

static err_t put4(struct netif *netif, struct pbuf *p, const ip4_addr_t *to) {
  LWIP_UNUSED_ARG(netif);
  LWIP_UNUSED_ARG(to);
  return put(p);
}

static err_t put6(struct netif *netif, struct pbuf *p, const ip6_addr_t *to) {
  LWIP_UNUSED_ARG(netif);
  LWIP_UNUSED_ARG(to);
  return put(p);
}

static err_t set_up(struct netif *netif) {
  netif->name[0] = 't';
  netif->name[1] = 'n';
  netif->mtu = MTU;
  netif->output = put4;
  netif->output_ip6 = put6;
  return ERR_OK;
}

/* Reads one packet into buffers of lwIP's pool, and hands it over. Returns 0 when there is none. */
static int get(struct netif *netif) {
  struct pbuf *p = pbuf_alloc(PBUF_RAW, MTU, PBUF_POOL);
  struct iovec parts[PARTS];
  int count = 0;
  ssize_t n;
  if (!p) return 0; /* counted by lwIP; the packet waits in the device */
  for (struct pbuf *q = p; q; q = q->next) parts[count++] = (struct iovec){q->payload, q->len};
  n = readv(tun, parts, count);
  if (n <= 0) {
    if (n < 0 && errno != EAGAIN && errno != EINTR) die("read");
    pbuf_free(p);
    return 0;
  }
  pbuf_realloc(p, n);
  if (netif->input(p, netif) != ERR_OK) pbuf_free(p);
  return 1;
}

static void open_device(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  if (strlen(name) >= IFNAMSIZ) {
    fprintf(stderr, "lwip: %s: a device's name has at most %d characters\n", name, IFNAMSIZ - 1);
    exit(2);
  }
  strcpy(request.ifr_name, name);
  if ((tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0) die("/dev/net/tun");
  if (ioctl(tun, TUNSETIFF, &request) < 0) die(name);
}

/* ---- the services ---- */

/* By whole segments, as far as the send buffer goes. Nothing is copied: the pattern never changes. */
static err_t generate(void *port, struct tcp_pcb *pcb, u16_t acknowledged) {
  u16_t length = WRITE_MAX / tcp_mss(pcb) * tcp_mss(pcb);
  LWIP_UNUSED_ARG(port);
  LWIP_UNUSED_ARG(acknowledged);
  while (tcp_sndbuf(pcb) >= length && tcp_sndqueuelen(pcb) < TCP_SND_QUEUELEN / 2) {
    if (tcp_write(pcb, pattern, length, 0) != ERR_OK) break;
  }
  return tcp_output(pcb);
}

static err_t received(void *port, struct tcp_pcb *pcb, struct pbuf *p, err_t error) {
  LWIP_UNUSED_ARG(error);
  if (!p) return tcp_close(pcb);
  if (port == (void *)ECHO) {
    if (tcp_sndbuf(pcb) < p->tot_len) return ERR_MEM; /* lwIP keeps it, and offers it again */
    for (struct pbuf *q = p; q; q = q->next) {
      if (tcp_write(pcb, q->payload, q->len, TCP_WRITE_FLAG_COPY) != ERR_OK) {
        tcp_abort(pcb);
        return ERR_ABRT;
      }
    }
  }
  tcp_recved(pcb, p->tot_len);
  pbuf_free(p);
  return ERR_OK;
}

static err_t accepted(void *port, struct tcp_pcb *pcb, err_t error) {
  if (error != ERR_OK) return error;
  tcp_arg(pcb, port);
  tcp_nagle_disable(pcb);
  tcp_recv(pcb, received);
  if (port != (void *)CHARGEN) return ERR_OK;
  tcp_sent(pcb, generate);
  return generate(port, pcb, 0);
}

static void serve(u16_t port) {
  struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
  if (!pcb || tcp_bind(pcb, IP_ANY_TYPE, port) != ERR_OK) die("tcp_bind");
  pcb = tcp_listen_with_backlog(pcb, BACKLOG);
  tcp_arg(pcb, (void *)(size_t)port);
  tcp_accept(pcb, accepted);
}

/* ---- the loop ---- */

static void on_signal(int signal) {
  LWIP_UNUSED_ARG(signal);
  ended = 1;
}

static void add_interface(struct netif *netif) {
  ip4_addr_t address, mask, gateway;
  ip6_addr_t address6;
  IP4_ADDR(&address, 10, 77, 0, 2);
  IP4_ADDR(&mask, 255, 255, 255, 0);
  IP4_ADDR(&gateway, 10, 77, 0, 1);
  netif_add(netif, &address, &mask, &gateway, NULL, set_up, ip_input);
  ip6addr_aton("fd77::2", &address6);
  netif_ip6_addr_set(netif, 0, &address6);
  netif_ip6_addr_set_state(netif, 0, IP6_ADDR_PREFERRED);
  netif_set_default(netif);
  netif_set_up(netif);
  netif_set_link_up(netif);
}

static void report_memory(void) {
  for (int i = 0; i < MEMP_MAX; i++) {
    const struct stats_mem *pool = lwip_stats.memp[i];
    if (pool->err > 0) fprintf(stderr, "lwip: memory pool %d ran empty %u times\n", i, (unsigned)pool->err);
  }
}

int main(int argc, char **argv) {
  static struct netif netif;
  struct pollfd readable = {.events = POLLIN};
  if (argc != 2) {
    fprintf(stderr, "usage: lwip DEVICE\n");
    return 2;
  }
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = ' ' + i % 95;
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  srandom(sys_now());
  open_device(argv[1]);
  lwip_init();
  add_interface(&netif);
  serve(ECHO);
  serve(DISCARD);
  serve(CHARGEN);
  printf("ready {\"pid\":%d}\n", getpid());
  fflush(stdout);
  readable.fd = tun;
  while (!ended) {
    u32_t sleep = sys_timeouts_sleeptime();
    int batch = 0;
    if (poll(&readable, 1, sleep == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? -1 : (int)sleep) < 0 && errno != EINTR) die("poll");
    while (batch < BATCH && get(&netif)) batch++;
    sys_check_timeouts();
  }
  report_memory();
  return 0;
}
