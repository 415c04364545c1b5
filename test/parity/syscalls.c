/*
 * The kernel's TCP as a system under test: a network namespace of its own with one TUN device, in which commands from
 * standard input are carried out. Knows no script and no protocol.
 *   syscalls DEVICE
 * A command a line, each in a thread of its own, so that calls may block:
 *   ID AT NAME ARGUMENT...    AT: not before this (CLOCK_MONOTONIC in microseconds)
 * NAME is a system call, or `inject PACKET`, `put PATH BYTES`, `get PATH`, `run COMMAND`. An argument is a number, `=HEX` (a
 * buffer, given back), `+N` (one of N zero bytes, given back), `~N` (the same, not given back).
 * Answers:
 *   r ID BEGAN ENDED RESULT ERRNO [HEX...]
 *   p TIME HEX                a packet that the kernel sent
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS = 6, READ_MAX = 1 << 18 };

struct buffer {
  uint8_t *bytes;
  size_t length;
  int shown;
};

static const struct {
  const char *name;
  long number;
} CALLS[] = {
    {"socket", SYS_socket},         {"bind", SYS_bind},
    {"listen", SYS_listen},         {"accept4", SYS_accept4},
    {"connect", SYS_connect},       {"read", SYS_read},
    {"write", SYS_write},           {"sendto", SYS_sendto},
    {"recvfrom", SYS_recvfrom},     {"close", SYS_close},
    {"shutdown", SYS_shutdown},     {"fcntl", SYS_fcntl},
    {"ioctl", SYS_ioctl},           {"setsockopt", SYS_setsockopt},
    {"getsockopt", SYS_getsockopt}, {"getsockname", SYS_getsockname},
    {"getpeername", SYS_getpeername}, {"ppoll", SYS_ppoll},
    {"epoll_create1", SYS_epoll_create1}, {"epoll_ctl", SYS_epoll_ctl},
    {"epoll_pwait", SYS_epoll_pwait},
};

static int tun;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void wait_until(long long at) {
  struct timespec t = {.tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) continue;
}

static void print_hex(const uint8_t *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  putchar('=');
  for (size_t i = 0; i < length; i++) {
    putchar(digits[bytes[i] >> 4]);
    putchar(digits[bytes[i] & 15]);
  }
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int nibble(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static struct buffer parse_buffer(const char *word) {
  struct buffer b = {.shown = word[0] != '~'};
  if (word[0] != '=') {
    b.length = strtoul(word + 1, NULL, 10);
    b.bytes = calloc(1, b.length + 1);
    return b;
  }
  b.length = strlen(word + 1) / 2;
  b.bytes = calloc(1, b.length + 1);
  for (size_t i = 0; i < b.length; i++) b.bytes[i] = nibble(word[1 + 2 * i]) << 4 | nibble(word[2 + 2 * i]);
  return b;
}

static long put(const char *path, const struct buffer *bytes) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  long result = write(fd, bytes->bytes, bytes->length);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

static long get(const char *path, struct buffer *into) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  into->bytes = calloc(1, READ_MAX);
  into->shown = 1;
  ssize_t got;
  while (into->length < READ_MAX && (got = read(fd, into->bytes + into->length, READ_MAX - into->length)) > 0)
    into->length += got;
  close(fd);
  return into->length;
}

static long perform(const char *name, const long *numbers, struct buffer *buffers) {
  if (!strcmp(name, "inject")) return write(tun, buffers[0].bytes, buffers[0].length);
  if (!strcmp(name, "put")) return put((char *)buffers[0].bytes, &buffers[1]);
  if (!strcmp(name, "get")) return get((char *)buffers[0].bytes, &buffers[1]);
  if (!strcmp(name, "run")) return system((char *)buffers[0].bytes);
  for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
    if (!strcmp(name, CALLS[i].name))
      return syscall(CALLS[i].number, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
  }
  errno = ENOSYS;
  return -1;
}

static void *command(void *argument) {
  char *line = argument, *rest;
  long numbers[ARGUMENTS] = {0};
  struct buffer buffers[ARGUMENTS] = {0};
  char *id = strtok_r(line, " \n", &rest), *at = strtok_r(NULL, " \n", &rest), *name = strtok_r(NULL, " \n", &rest);
  for (int i = 0; i < ARGUMENTS; i++) {
    char *word = strtok_r(NULL, " \n", &rest);
    if (word == NULL) break;
    if (strchr("=+~", word[0])) {
      buffers[i] = parse_buffer(word);
      numbers[i] = (long)buffers[i].bytes;
    } else {
      numbers[i] = strtol(word, NULL, 10);
    }
  }
  wait_until(strtoll(at, NULL, 10));
  long long began = now();
  long result = perform(name, numbers, buffers);
  int error = result < 0 ? errno : 0;
  long long ended = now();
  pthread_mutex_lock(&output);
  printf("r %s %lld %lld %ld %d", id, began, ended, result, error);
  for (int i = 0; i < ARGUMENTS; i++) {
    if (buffers[i].bytes != NULL && buffers[i].shown) {
      putchar(' ');
      print_hex(buffers[i].bytes, buffers[i].length);
    }
    free(buffers[i].bytes);
  }
  putchar('\n');
  fflush(stdout);
  pthread_mutex_unlock(&output);
  free(line);
  return NULL;
}

static void *packets(void *unused) {
  (void)unused;
  static uint8_t packet[1 << 16];
  ssize_t length;
  while ((length = read(tun, packet, sizeof packet)) > 0) {
    long long at = now();
    pthread_mutex_lock(&output);
    printf("p %lld ", at);
    print_hex(packet, length);
    putchar('\n');
    fflush(stdout);
    pthread_mutex_unlock(&output);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  if (unshare(CLONE_NEWNET) < 0) die("unshare");
  struct ifreq device = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(device.ifr_name, argv[1], IFNAMSIZ - 1);
  tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &device) < 0) die("/dev/net/tun");
  signal(SIGPIPE, SIG_IGN);
  /* The times that are measured here should be the kernel's, not those of a busy machine. */
  setpriority(PRIO_PROCESS, 0, -15);
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  if (pthread_create(&thread, &detached, packets, NULL) != 0) die("pthread_create");
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, stdin) > 0) {
    char *copy = strdup(line);
    if (pthread_create(&thread, &detached, command, copy) != 0) die("pthread_create");
  }
  /* Threads may block for ever: they end with the process, and the namespace with them. */
  _exit(0);
}
