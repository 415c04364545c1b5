/*
 * The target `kernel-c`: echo (7), discard (9) and chargen (19) on the kernel's TCP, one thread,
 * epoll, level-triggered. It is the best that a plain event loop in C gets out of the kernel.
 *
 * usage: server ADDRESS        prints `ready {...}` once it listens; ends on SIGTERM or SIGINT.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ECHO = 7, DISCARD = 9, CHARGEN = 19 };
enum { CHUNK = 256 * 1024, EVENTS = 256 };

/* What epoll hands back: a listener (`listening`) or a connection of the service `port`. */
struct end {
  int fd;
  int port;
  int listening;
  uint32_t waiting_for; /* the epoll events registered */
  size_t kept, sent;    /* echo: bytes read and not yet written back, and how many of them are gone */
  char *pending;        /* echo: where they are, NULL until a write falls short */
};

static char scratch[CHUNK];
static char pattern[CHUNK];

static void die(const char *what) {
  fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void watch(int poll, struct end *end, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = end};
  end->waiting_for = events;
  if (epoll_ctl(poll, operation, end->fd, &event) < 0) die("epoll_ctl");
}

static void want(int poll, struct end *end, uint32_t events) {
  if (end->waiting_for != events) watch(poll, end, EPOLL_CTL_MOD, events);
}

static void drop(struct end *end) {
  close(end->fd);
  free(end->pending);
  free(end);
}

static void listen_on(int poll, const char *address, int port) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 name6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  int is6 = strchr(address, ':') != NULL;
  struct end *end = calloc(1, sizeof *end);
  int on = 1;
  if (!end) die("calloc");
  if (inet_pton(is6 ? AF_INET6 : AF_INET, address, is6 ? (void *)&name6.sin6_addr : (void *)&name.sin_addr) != 1) {
    fprintf(stderr, "server: %s: not an IP address\n", address);
    exit(2);
  }
  end->fd = socket(is6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (end->fd < 0) die("socket");
  setsockopt(end->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (is6 ? bind(end->fd, (struct sockaddr *)&name6, sizeof name6) : bind(end->fd, (struct sockaddr *)&name, sizeof name)) die("bind");
  if (listen(end->fd, 4096) < 0) die("listen");
  end->port = port;
  end->listening = 1;
  watch(poll, end, EPOLL_CTL_ADD, EPOLLIN);
}

static void accept_all(int poll, struct end *listener) {
  for (;;) {
    int on = 1;
    struct end *end;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return; /* EAGAIN, or a connection that was reset while it queued */
    end = calloc(1, sizeof *end);
    if (!end) die("calloc");
    end->fd = fd;
    end->port = listener->port;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poll, end, EPOLL_CTL_ADD, end->port == CHARGEN ? EPOLLOUT : EPOLLIN);
  }
}

/* Writes back what an earlier write left over. Returns 0 when the connection is gone. */
static int echo_rest(int poll, struct end *end) {
  ssize_t n = send(end->fd, end->pending + end->sent, end->kept - end->sent, MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN;
  end->sent += n;
  if (end->sent == end->kept) want(poll, end, EPOLLIN);
  return 1;
}

static int echo(int poll, struct end *end) {
  ssize_t n = recv(end->fd, scratch, CHUNK, 0), written;
  if (n <= 0) return n < 0 && errno == EAGAIN;
  written = send(end->fd, scratch, n, MSG_NOSIGNAL);
  if (written < 0 && errno != EAGAIN) return 0;
  if (written < 0) written = 0;
  if (written < n) {
    if (!end->pending && !(end->pending = malloc(CHUNK))) die("malloc");
    memcpy(end->pending, scratch + written, n - written);
    end->kept = n - written;
    end->sent = 0;
    want(poll, end, EPOLLOUT);
  }
  return 1;
}

static int discard(struct end *end) {
  ssize_t n = recv(end->fd, scratch, CHUNK, 0);
  return n > 0 || (n < 0 && errno == EAGAIN);
}

static int chargen(struct end *end) {
  ssize_t n = send(end->fd, pattern, CHUNK, MSG_NOSIGNAL);
  return n >= 0 || errno == EAGAIN;
}

static void serve(int poll, struct end *end, uint32_t events) {
  int alive;
  if (end->listening) {
    accept_all(poll, end);
    return;
  }
  if (end->port == ECHO) alive = events & EPOLLOUT ? echo_rest(poll, end) : echo(poll, end);
  else if (end->port == DISCARD) alive = discard(end);
  else alive = !(events & (EPOLLERR | EPOLLHUP)) && chargen(end);
  if (!alive) drop(end);
}

int main(int argc, char **argv) {
  static struct epoll_event events[EVENTS];
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (argc != 2) {
    fprintf(stderr, "usage: server ADDRESS\n");
    return 2;
  }
  if (poll < 0) die("epoll_create1");
  for (size_t i = 0; i < CHUNK; i++) pattern[i] = ' ' + i % 95; /* RFC 864's printing characters */
  listen_on(poll, argv[1], ECHO);
  listen_on(poll, argv[1], DISCARD);
  listen_on(poll, argv[1], CHARGEN);
  printf("ready {\"services\":{\"echo\":7,\"discard\":9,\"chargen\":19},\"pid\":%d}\n", getpid());
  fflush(stdout);
  for (;;) {
    int n = epoll_wait(poll, events, EVENTS, -1);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) serve(poll, events[i].data.ptr, events[i].events);
  }
}
