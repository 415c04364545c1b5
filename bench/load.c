/*
 * The client of the kernel suite: the kernel's TCP, one thread, epoll. Every target meets the same one.
 *
 * usage: load WORKLOAD HOST SECONDS WARMUP [SOURCE,SOURCE...]
 *   up     writes 128 KiB buffers to discard (9); counts bytes acknowledged, not bytes buffered
 *   down   reads chargen (19) by 256 KiB
 *   rr N   64-byte ping-pong with echo (7) over N connections: `rr1`, `rr64`
 *   crr    connect, one byte there and back, close; 32 at a time, from each SOURCE in turn
 *
 * It prints one line of JSON, and exits 1 with one line on standard error when the peer refuses, resets
 * or stalls. crr: we close first, so TIME-WAIT is ours and the target keeps nothing; the sources multiply
 * the ephemeral ports, and tcp_tw_reuse=1 in the namespace (see namespace.ts) covers the rest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { ECHO = 7, DISCARD = 9, CHARGEN = 19 };
enum { UP_CHUNK = 128 * 1024, DOWN_CHUNK = 256 * 1024, PING = 64, MOST = 64, CONCURRENT = 32 };
enum { STALL_MS = 3000, SOURCES = 16 };

static char buffer[DOWN_CHUNK];
/* Room for an address of either family; `family` says which. */
union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static int family;
static socklen_t address_size;
static union address host;
static union address sources[SOURCES];
static int source_count, next_source;
static double warm_up, seconds;

static uint64_t total;    /* units done, warm-up included: what the target's CPU time is divided by */
static uint64_t errors;   /* crr: connections that failed */
static char congestion[16] = "none";
static int mss;

/* ---- time and failure ---- */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

/* ---- latency: a histogram of 64 steps an octave (1.6 %), so that no sample is dropped or kept ---- */

enum { STEPS = 64, STEP_BITS = 6 };
static uint32_t histogram[64 * STEPS];
static uint64_t sampled;

static void record(uint64_t ns) {
  int octave = 63 - __builtin_clzll(ns | STEPS);
  int shift = octave - STEP_BITS;
  histogram[(shift << STEP_BITS) + (ns >> shift)]++;
  sampled++;
}

static double percentile_us(double fraction) {
  uint64_t rank = (uint64_t)(fraction * sampled), seen = 0;
  for (int i = 0; i < 64 * STEPS; i++) {
    seen += histogram[i];
    if (seen > rank) {
      int shift = i < 2 * STEPS ? 0 : (i >> STEP_BITS) - 1;
      return ((double)(i - (shift << STEP_BITS)) + 0.5) * (1ull << shift) / 1e3;
    }
  }
  return 0;
}

/* ---- sockets ---- */

/* The port is at the same place in both families (RFC 3493 3.3). */
static union address host_at(int port) {
  union address to = host;
  to.v4.sin_port = htons(port);
  return to;
}

static int start_connect(int port, int flags) {
  union address to = host_at(port);
  int on = 1, fd = socket(family, SOCK_STREAM | flags, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source_count > 0) {
    const union address *from = &sources[next_source];
    next_source = (next_source + 1) % source_count;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, &from->any, address_size) < 0) fail("bind: %s", strerror(errno));
  }
  if (connect(fd, &to.any, address_size) < 0 && errno != EINPROGRESS) {
    int why = errno;
    close(fd);
    errno = why;
    return -1;
  }
  return fd;
}

/* Reads what the report says of the connection; the options cost, so once a run and not in crr's loop. */
static void describe(int fd) {
  socklen_t length = sizeof congestion, size = sizeof mss;
  getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length);
  getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &size);
}

static int connected(int port) {
  /* The send timeout also bounds connect(), so no peer can hold us. */
  struct timeval limit = {.tv_sec = STALL_MS / 1000};
  union address to = host_at(port);
  int on = 1, fd = socket(family, SOCK_STREAM, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, &to.any, address_size) < 0) fail("connect to port %d: %s", port, strerror(errno));
  describe(fd);
  return fd;
}

static const char *why(ssize_t n) {
  if (n == 0) return "end of file";
  return errno == EAGAIN ? "stalled for 3 s" : strerror(errno);
}

/* ---- up and down: bytes a second ---- */

static uint64_t acknowledged(int fd) {
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
  return info.tcpi_bytes_acked;
}

static double up(void) {
  int fd = connected(DISCARD);
  double begin = now() + warm_up, end = begin + seconds, started = 0, t;
  uint64_t before = 0;
  while ((t = now()) < end) {
    ssize_t n;
    if (started == 0 && t >= begin) {
      started = t;
      before = acknowledged(fd);
    }
    n = send(fd, buffer, UP_CHUNK, MSG_NOSIGNAL);
    if (n <= 0) fail("up: %s after %llu bytes", why(n), (unsigned long long)acknowledged(fd));
  }
  total = acknowledged(fd);
  close(fd);
  return started == 0 ? 0 : (total - before) / (t - started);
}

static double down(void) {
  int fd = connected(CHARGEN);
  double begin = now() + warm_up, end = begin + seconds, started = 0, t;
  uint64_t before = 0;
  while ((t = now()) < end) {
    ssize_t n;
    if (started == 0 && t >= begin) {
      started = t;
      before = total;
    }
    n = recv(fd, buffer, DOWN_CHUNK, 0);
    if (n <= 0) fail("down: %s after %llu bytes", why(n), (unsigned long long)total);
    total += n;
  }
  close(fd);
  return started == 0 ? 0 : (total - before) / (t - started);
}

/* ---- rr: round trips a second ---- */

struct pinger {
  int fd;
  int got;
  double sent_at;
};

static void ping(struct pinger *p, double t) {
  p->got = 0;
  p->sent_at = t;
  if (send(p->fd, buffer, PING, MSG_NOSIGNAL) != PING) fail("rr: %s", strerror(errno));
}

static double rr(int connections) {
  static struct pinger pingers[MOST];
  struct epoll_event events[MOST], event = {.events = EPOLLIN};
  int poll = epoll_create1(0);
  double begin, end, started = 0, t;
  uint64_t before = 0;
  for (int i = 0; i < connections; i++) {
    pingers[i].fd = connected(ECHO);
    event.data.ptr = &pingers[i];
    epoll_ctl(poll, EPOLL_CTL_ADD, pingers[i].fd, &event);
  }
  t = now();
  begin = t + warm_up;
  end = begin + seconds;
  for (int i = 0; i < connections; i++) ping(&pingers[i], t);
  while (t < end) {
    int n = epoll_wait(poll, events, MOST, STALL_MS);
    if (n <= 0) fail("rr: %s", n == 0 ? "stalled for 3 s" : strerror(errno));
    for (int i = 0; i < n; i++) {
      struct pinger *p = events[i].data.ptr;
      ssize_t got = recv(p->fd, buffer, PING - p->got, 0);
      if (got <= 0) fail("rr: %s after %llu round trips", why(got), (unsigned long long)total);
      p->got += got;
      if (p->got < PING) continue;
      t = now();
      total++;
      if (started == 0 && t >= begin) {
        started = t;
        before = total;
      } else if (started != 0) {
        record((uint64_t)((t - p->sent_at) * 1e9));
      }
      ping(p, t);
    }
  }
  return started == 0 ? 0 : (total - before) / (t - started);
}

/* ---- crr: whole connections a second ---- */

struct visit {
  int fd;
  int asked;
  double began;
};

static void visit_begin(int poll, struct visit *v, double t) {
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = v};
  v->asked = 0;
  v->began = t;
  v->fd = start_connect(ECHO, SOCK_NONBLOCK);
  if (v->fd < 0) fail("crr: connect: %s after %llu connections", strerror(errno), (unsigned long long)total);
  epoll_ctl(poll, EPOLL_CTL_ADD, v->fd, &event);
}

static void visit_ask(int poll, struct visit *v) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = v};
  v->asked = send(v->fd, "x", 1, MSG_NOSIGNAL) == 1;
  if (v->asked) epoll_ctl(poll, EPOLL_CTL_MOD, v->fd, &event);
}

static double crr(void) {
  static struct visit visits[CONCURRENT];
  struct epoll_event events[CONCURRENT];
  int poll = epoll_create1(0), probe = connected(ECHO);
  double t = now(), begin = t + warm_up, end = begin + seconds, started = 0;
  uint64_t before = 0;
  close(probe);
  for (int i = 0; i < CONCURRENT; i++) visit_begin(poll, &visits[i], t);
  while (t < end) {
    int n = epoll_wait(poll, events, CONCURRENT, STALL_MS);
    if (n <= 0) fail("crr: %s after %llu connections", n == 0 ? "stalled for 3 s" : strerror(errno), (unsigned long long)total);
    t = now();
    if (started == 0 && t >= begin) {
      started = t;
      before = total;
    }
    for (int i = 0; i < n; i++) {
      struct visit *v = events[i].data.ptr;
      if (!v->asked) {
        visit_ask(poll, v);
        if (v->asked) continue;
        errors++;
      } else if (recv(v->fd, buffer, 1, 0) == 1) {
        total++;
        if (started != 0) record((uint64_t)((now() - v->began) * 1e9));
      } else {
        errors++;
      }
      if (errors > 1000) fail("crr: more than 1000 connections failed, %llu succeeded", (unsigned long long)total);
      close(v->fd);
      visit_begin(poll, v, t);
    }
  }
  return started == 0 ? 0 : (total - before) / (t - started);
}

/* ---- the report ---- */

/* Every retransmission of this namespace's kernel, that is of our sockets: SYNs and crr's included. */
static long retransmissions(void) {
  char names[1024], values[1024], *name, *value, *next_name, *next_value;
  FILE *file = fopen("/proc/net/snmp", "r");
  if (!file) return -1;
  while (fgets(names, sizeof names, file) && fgets(values, sizeof values, file)) {
    if (strncmp(names, "Tcp:", 4) != 0) continue;
    name = strtok_r(names, " \n", &next_name);
    value = strtok_r(values, " \n", &next_value);
    while (name && value && strcmp(name, "RetransSegs") != 0) {
      name = strtok_r(NULL, " \n", &next_name);
      value = strtok_r(NULL, " \n", &next_value);
    }
    fclose(file);
    return value ? atol(value) : -1;
  }
  fclose(file);
  return -1;
}

static double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static union address read_address(const char *text) {
  union address a = {.any.sa_family = family};
  if (inet_pton(family, text, family == AF_INET ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr) != 1)
    fail("%s: not an IPv%d address", text, family == AF_INET ? 4 : 6);
  return a;
}

static void read_sources(char *list) {
  for (char *one = strtok(list, ","); one && source_count < SOURCES; one = strtok(NULL, ","))
    sources[source_count++] = read_address(one);
}

static double run(const char *workload) {
  int connections;
  if (strcmp(workload, "up") == 0) return up();
  if (strcmp(workload, "down") == 0) return down();
  if (strcmp(workload, "crr") == 0) return crr();
  if (sscanf(workload, "rr%d", &connections) == 1 && connections >= 1 && connections <= MOST) return rr(connections);
  fail("%s: no such workload (up, down, crr, rr1 to rr64)", workload);
  return 0;
}

int main(int argc, char **argv) {
  long before;
  double value;
  if (argc < 5) {
    fprintf(stderr, "usage: load WORKLOAD HOST SECONDS WARMUP [SOURCE,SOURCE...]\n");
    return 2;
  }
  family = strchr(argv[2], ':') ? AF_INET6 : AF_INET;
  address_size = family == AF_INET ? sizeof host.v4 : sizeof host.v6;
  host = read_address(argv[2]);
  seconds = atof(argv[3]);
  warm_up = atof(argv[4]);
  if (argc > 5) read_sources(argv[5]);
  memset(buffer, 'u', sizeof buffer);
  before = retransmissions();
  value = run(argv[1]);
  printf("{\"workload\":\"%s\",\"value\":%.1f,\"total\":%llu,\"seconds\":%g,\"p50us\":%.1f,\"p99us\":%.1f,\"errors\":%llu,"
         "\"retransmits\":%ld,\"congestion\":\"%s\",\"mss\":%d,\"cpuSeconds\":%.3f}\n",
         argv[1], value, (unsigned long long)total, seconds, percentile_us(0.5), percentile_us(0.99),
         (unsigned long long)errors, retransmissions() - before, congestion, mss, cpu_seconds());
  return 0;
}
