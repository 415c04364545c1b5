/*
 * A path in real time between two network namespaces: what src/sim/link.ts is in virtual time, for the kernel's TCP.
 *
 * usage: path NEAR FAR      names of namespaces; each gets a TUN device `path0`, without offload
 *
 * Standard input sets the conditions, a line `RATE DELAY_US LOSS LATE LATE_US QUEUE SEED` at any time:
 *   RATE        bits a second from NEAR to FAR, behind a drop-tail queue of QUEUE bytes; the way back has no limit
 *   DELAY_US    propagation each way
 *   LOSS, LATE  shares (0 to 1) of the packets from NEAR to FAR that are lost, and that come LATE_US later than the others
 *
 * It prints `ready {...}` once both devices are there, and ends on SIGTERM or SIGINT with what it did on standard error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MTU_MAX = 2048, WAITING_MAX = 1 << 16 };

static void die(const char *what) {
  fprintf(stderr, "path: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* ---- packets on their way, a heap by the time of arrival ---- */

struct packet {
  int64_t at;
  uint64_t order; /* of equal times, first in first out */
  int length;
  char bytes[MTU_MAX];
};

struct way {
  struct packet *heap[WAITING_MAX];
  int count;
  int out; /* the device it leads to */
};

static uint64_t orders;

static int before(const struct packet *a, const struct packet *b) {
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void add(struct way *way, struct packet *packet) {
  int i = way->count++;
  for (; i > 0 && before(packet, way->heap[(i - 1) / 2]); i = (i - 1) / 2) way->heap[i] = way->heap[(i - 1) / 2];
  way->heap[i] = packet;
}

static struct packet *take(struct way *way) {
  struct packet *first = way->heap[0], *last = way->heap[--way->count];
  int i = 0;
  for (int child; (child = 2 * i + 1) < way->count; i = child) {
    if (child + 1 < way->count && before(way->heap[child + 1], way->heap[child])) child++;
    if (!before(way->heap[child], last)) break;
    way->heap[i] = way->heap[child];
  }
  way->heap[i] = last;
  return first;
}

/* ---- time and chance ---- */

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static uint64_t state = 0x9e3779b97f4a7c15; /* xorshift64 */

static double chance(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) * 0x1p-53;
}

/* ---- devices ---- */

static int open_tun(const char *namespace) {
  char name[128];
  snprintf(name, sizeof name, "/run/netns/%s", namespace);
  int ns = open(name, O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) die(name);
  close(ns);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (fd < 0) die("/dev/net/tun");
  struct ifreq request = {.ifr_name = "path0", .ifr_flags = IFF_TUN | IFF_NO_PI};
  if (ioctl(fd, TUNSETIFF, &request) < 0) die("TUNSETIFF");
  return fd;
}

static double rate = 1e9, loss, late, queue_limit = 1e6;
static int64_t delay, late_by;
static int64_t free_at;
static uint64_t seen, lost, overflowed, came_late;

/* What becomes of a packet that enters the limited way; -1: dropped. */
static int64_t arrival(int length, int64_t t) {
  seen++;
  if (chance() < loss) {
    lost++;
    return -1;
  }
  if (free_at < t) free_at = t;
  if (free_at > t && (free_at - t) * rate / 8e9 + length > queue_limit) {
    overflowed++;
    return -1;
  }
  free_at += (int64_t)(length * 8e9 / rate);
  int64_t at = free_at + delay;
  if (chance() < late) {
    came_late++;
    at += late_by;
  }
  return at;
}

static void receive(int fd, struct way *way, int limited) {
  for (;;) {
    struct packet *packet = malloc(sizeof *packet);
    if (packet == NULL) die("malloc");
    packet->length = read(fd, packet->bytes, MTU_MAX);
    if (packet->length <= 0) {
      free(packet);
      return;
    }
    int64_t t = now();
    packet->at = limited ? arrival(packet->length, t) : t + delay;
    packet->order = orders++;
    if (packet->at < 0 || way->count == WAITING_MAX)
      free(packet);
    else
      add(way, packet);
  }
}

static void deliver(struct way *way, int64_t t) {
  while (way->count > 0 && way->heap[0]->at <= t) {
    struct packet *packet = take(way);
    if (write(way->out, packet->bytes, packet->length) < 0 && errno != EIO && errno != EAGAIN) die("write");
    free(packet);
  }
}

static void read_conditions(void) {
  char line[256];
  ssize_t length = read(0, line, sizeof line - 1);
  if (length <= 0) exit(0); /* whoever set the conditions is gone */
  line[length] = 0;
  long delay_us, late_us;
  if (sscanf(line, "%lf %ld %lf %lf %ld %lf %lu", &rate, &delay_us, &loss, &late, &late_us, &queue_limit, &state) != 7) {
    fprintf(stderr, "path: not a line of conditions: %s", line);
    exit(2);
  }
  delay = delay_us * 1000;
  late_by = late_us * 1000;
  state = state * 2 + 0x9e3779b97f4a7c15;
  free_at = 0;
}

static volatile sig_atomic_t ended;

static void end(int signal) {
  (void)signal;
  ended = 1;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: path NEAR FAR\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1UL);
  signal(SIGTERM, end);
  signal(SIGINT, end);

  int near = open_tun(argv[1]), far = open_tun(argv[2]);
  static struct way there, back;
  there.out = far;
  back.out = near;
  printf("ready {\"pid\":%d}\n", getpid());
  fflush(stdout);
  struct pollfd polled[3] = {{.fd = near, .events = POLLIN}, {.fd = far, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  while (!ended) {
    int64_t t = now(), next = t + 100000000;
    deliver(&there, t);
    deliver(&back, t);
    if (there.count > 0 && there.heap[0]->at < next) next = there.heap[0]->at;
    if (back.count > 0 && back.heap[0]->at < next) next = back.heap[0]->at;
    int64_t wait = next - now();
    struct timespec timeout = {.tv_sec = 0, .tv_nsec = wait < 0 ? 0 : wait};
    if (ppoll(polled, 3, &timeout, NULL) < 0) {
      if (errno != EINTR) die("ppoll");
      continue;
    }
    if (polled[2].revents != 0) read_conditions();
    if (polled[0].revents & POLLIN) receive(near, &there, 1);
    if (polled[1].revents & POLLIN) receive(far, &back, 0);
  }
  fprintf(stderr, "path: %lu packets, %lu lost, %lu overflowed, %lu late\n", seen, lost, overflowed, came_late);
  return 0;
}
