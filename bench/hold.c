/*
 * The client of the suite `scale`: the kernel's TCP, one thread, epoll; it holds as many connections with echo (7) as it
 * is told to.
 *
 * usage: hold HOST SOURCE[,SOURCE...]      one command a line on standard input, one line of JSON for each:
 *   open N             connections until N are held, 128 at a time, from each SOURCE in turn
 *   ping N SECONDS     64-byte ping-pong over N of them, evenly spread
 *   drain              waits until the peer has closed all, and closes them
 * It exits 1 with one line on standard error when the peer refuses, resets or stalls.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ECHO = 7, PING = 64, EVENTS = 256, CONCURRENT = 128, STALL_MS = 10000, DRAIN_MS = 90000, SOURCES = 32, SAMPLES = 1 << 22 };

struct end {
  int fd;
  int got;
  double sent_at;
};

static struct in_addr host, sources[SOURCES];
static int source_count, next_source, poll_fd;
static struct end *ends;
static int held, room;
static char buffer[PING];
static float *samples;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("hold: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

static int wait_for(struct epoll_event *events, const char *what, int most_ms) {
  int n = epoll_wait(poll_fd, events, EVENTS, most_ms);
  if (n <= 0) fail("%s: %s", what, n == 0 ? "stalled" : strerror(errno));
  return n;
}

/* ---- open ---- */

static void start(struct end *e) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(ECHO), .sin_addr = host};
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = sources[next_source]};
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = e};
  int on = 1;
  next_source = (next_source + 1) % source_count;
  e->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (e->fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(e->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(e->fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind: %s", strerror(errno));
  if (connect(e->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) fail("connect: %s", strerror(errno));
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, e->fd, &event);
}

static void open_until(int goal) {
  struct epoll_event events[EVENTS];
  double began = now(), took;
  int started = held, first = held;
  if (goal > room) fail("open: no more than %d", room);
  while (started < goal && started < held + CONCURRENT) start(&ends[started++]);
  while (held < goal) {
    int n = wait_for(events, "open", STALL_MS);
    for (int i = 0; i < n; i++) {
      struct end *e = events[i].data.ptr;
      struct epoll_event idle = {.events = 0, .data.ptr = e};
      int error = 0;
      socklen_t length = sizeof error;
      getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error != 0) fail("open: %s after %d connections", strerror(error), held);
      epoll_ctl(poll_fd, EPOLL_CTL_MOD, e->fd, &idle);
      held++;
      if (started < goal) start(&ends[started++]);
    }
  }
  took = now() - began;
  printf("{\"held\":%d,\"seconds\":%.4f,\"rate\":%.1f}\n", held, took, took > 0 ? (held - first) / took : 0);
}

/* ---- ping ---- */

static void ping(struct end *e, double t) {
  e->got = 0;
  e->sent_at = t;
  if (send(e->fd, buffer, PING, MSG_NOSIGNAL) != PING) fail("ping: %s", strerror(errno));
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

static void ping_for(int count, double seconds) {
  struct epoll_event events[EVENTS];
  double began = now(), end = began + seconds, t = began;
  long total = 0, sampled;
  int stride, left = 0;
  if (count < 1 || count > held) fail("ping: %d of %d connections", count, held);
  stride = held / count;
  for (int i = 0; i < count; i++) {
    struct end *e = &ends[i * stride];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = e};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, e->fd, &event);
    ping(e, now());
    left++;
  }
  /* Those under way at the end are waited for, so that the connections are idle afterwards. */
  while (left > 0) {
    int n = wait_for(events, "ping", STALL_MS);
    for (int i = 0; i < n; i++) {
      struct end *e = events[i].data.ptr;
      ssize_t got = recv(e->fd, buffer, PING - e->got, 0);
      if (got <= 0) fail("ping: %s after %ld round trips", got == 0 ? "end of file" : strerror(errno), total);
      e->got += got;
      if (e->got < PING) continue;
      t = now();
      if (t < end) {
        samples[total++ % SAMPLES] = (t - e->sent_at) * 1e6;
        ping(e, t);
      } else {
        struct epoll_event idle = {.events = 0, .data.ptr = e};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, e->fd, &idle);
        left--;
      }
    }
  }
  sampled = total < SAMPLES ? total : SAMPLES;
  qsort(samples, sampled, sizeof *samples, ascending);
  printf("{\"total\":%ld,\"rate\":%.1f,\"p50us\":%.1f,\"p99us\":%.1f}\n", total, total / seconds,
         sampled ? samples[sampled / 2] : 0, sampled ? samples[(long)(sampled * 0.99)] : 0);
}

/* ---- drain ---- */

static void drain(void) {
  struct epoll_event events[EVENTS];
  double began = now();
  int left = held;
  for (int i = 0; i < held; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &ends[i]};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, ends[i].fd, &event);
  }
  while (left > 0) {
    int n = wait_for(events, "drain", DRAIN_MS);
    for (int i = 0; i < n; i++) {
      struct end *e = events[i].data.ptr;
      ssize_t got = recv(e->fd, buffer, sizeof buffer, 0);
      if (got > 0) continue;
      if (got < 0) fail("drain: %s", strerror(errno));
      close(e->fd);
      left--;
    }
  }
  printf("{\"closed\":%d,\"seconds\":%.4f}\n", held, now() - began);
  held = 0;
}

int main(int argc, char **argv) {
  struct rlimit files;
  char line[128];
  if (argc != 3 || inet_pton(AF_INET, argv[1], &host) != 1) {
    fprintf(stderr, "usage: hold HOST SOURCE[,SOURCE...]\n");
    return 2;
  }
  for (char *one = strtok(argv[2], ","); one && source_count < SOURCES; one = strtok(NULL, ",")) {
    if (inet_pton(AF_INET, one, &sources[source_count++]) != 1) fail("%s: not an IPv4 address", one);
  }
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max = 220000;
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) getrlimit(RLIMIT_NOFILE, &files);
  room = (int)files.rlim_cur - 64;
  ends = calloc(room, sizeof *ends);
  samples = malloc(SAMPLES * sizeof *samples);
  poll_fd = epoll_create1(0);
  memset(buffer, 'u', sizeof buffer);
  while (fgets(line, sizeof line, stdin)) {
    int count;
    double seconds;
    if (sscanf(line, "open %d", &count) == 1) open_until(count);
    else if (sscanf(line, "ping %d %lf", &count, &seconds) == 2) ping_for(count, seconds);
    else if (strncmp(line, "drain", 5) == 0) drain();
    else fail("no such command: %s", line);
    fflush(stdout);
  }
  return 0;
}
