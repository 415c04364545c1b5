/*
 * Receiving: the descriptor in the environment's own loop; when readable, packets are read into the slab
 * until there are no more, the table is full, or the slab might truncate the next; then one callback.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/virtio_net.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tun.h"

enum {
  SINGLES = 4, /* batches of one packet in a row from which on the next is taken to be one, too */
  PROBE_EVERY = 16,
  /* Of habits: what one try gives and takes, and how many batches pass between tries without credit. */
  CREDIT_MAX = 8,
  CREDIT_GAIN = 2,
  TRY_EVERY = 64,
  TRY_EVERY_MAX = 1 << 16,
  /* Batches in one turn of the loop without spinning: each other descriptor has one a turn. */
  TURN_BATCHES = 3,
};

/* Longest stay in one turn of the loop while spinning: timers and other descriptors wait meanwhile. */
static const uint64_t SPIN_TURN_NS = 1000000;
/* A peer answers within this. After more, the CPU went to a program that had other things to do. */
static const uint64_t YIELD_NS = 150000;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Applications have views of the slab, and may have detached it since the last batch: so asked anew each time. */
static bool memory(tun *t, napi_ref ref, void **data, size_t *length) {
  napi_value value;
  return napi_get_reference_value(t->env, ref, &value) == napi_ok && value != NULL &&
         napi_get_typedarray_info(t->env, value, NULL, length, data, NULL, NULL) == napi_ok;
}

static void fill_row(const tun *t, const uint8_t *at, int32_t offset, int32_t length, int32_t *row) {
  row[RX_OFFSET] = offset;
  row[RX_LENGTH] = length;
  row[RX_FLAGS] = 0;
  row[RX_GSO_SIZE] = 0;
  if (!t->offload) return;
  struct virtio_net_hdr header;
  memcpy(&header, at, sizeof header);
  if (header.flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) row[RX_FLAGS] = RX_CHECKSUM_OK;
  if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE) row[RX_GSO_SIZE] = header.gso_size;
}

/*
 * Where packets came one by one, the next is not looked for before this one is answered: to find nothing is a system call,
 * and epoll tells of it anyway (behind the answer it may pay to look: `receive_more`). One batch in PROBE_EVERY looks, to see
 * whether that has changed.
 */
static int most_to_read(tun *t) {
  if (t->singles < SINGLES || t->singles % PROBE_EVERY == 0) return BATCH;
  return 1;
}

static void note_batch(tun *t, int count) {
  if (count == 1) t->singles++;
  else t->singles = 0;
}

/* Returns how many packets were read; `*error` is the errno that ended the device, else 0. */
static int read_batch(tun *t, uint8_t *slab, size_t size, size_t at, int32_t *table, int *error) {
  const size_t prefix = t->offload ? VNET_HEADER : 0;
  const int most = most_to_read(t);
  int count = 0;
  while (count < most && at + LARGEST_READ <= size) {
    ssize_t n = read(t->fd, slab + at, LARGEST_READ);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) t->counters[COUNT_READ_EMPTY]++;
      else *error = errno;
      break;
    }
    if ((size_t)n <= prefix) continue;
    t->counters[COUNT_READS]++;
    t->counters[COUNT_READ_BYTES] += (double)((size_t)n - prefix);
    fill_row(t, slab + at, (int32_t)(at + prefix), (int32_t)((size_t)n - prefix), table + count * RX_COLUMNS);
    count++;
    at = (at + (size_t)n + 3) & ~(size_t)3;
  }
  table[RX_NEXT] = (int32_t)at;
  if (count > 0) note_batch(t, count);
  return count;
}

static void deliver(tun *t, int count) {
  napi_value self, on_batch, ignored;
  t->counters[COUNT_BATCHES]++;
  t->rows[RX_COUNT] = count;
  napi_get_reference_value(t->env, t->self, &self);
  napi_get_reference_value(t->env, t->on_batch, &on_batch);
  if (napi_make_callback(t->env, NULL, self, on_batch, 0, NULL, &ignored) != napi_ok) tun_report_exception(t);
}

static bool receive_in_scope(tun *t, uint64_t deadline) {
  void *slab;
  size_t size;
  int32_t *rows = t->rows;
  if (!memory(t, t->slab, &slab, &size)) {
    tun_close(t, EFAULT, "read");
    return false;
  }
  int32_t start = rows[RX_NEXT];
  if (start < 0 || (size_t)start + LARGEST_READ > size) {
    tun_close(t, ENOBUFS, "read");
    return false;
  }
  int error = 0;
  int count = read_batch(t, slab, size, (size_t)start, rows, &error);
  while (count == 0 && error == 0 && deadline != 0 && now_ns() < deadline) {
    t->counters[COUNT_SPINS]++;
    count = read_batch(t, slab, size, (size_t)start, rows, &error);
  }
  if (count > 0) deliver(t, count);
  if (error != 0) tun_close(t, error, "read");
  return count > 0;
}

/* One batch, spinning for it until `deadline`; whether there was one. */
static bool receive(tun *t, uint64_t deadline) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(t->env, &scope) != napi_ok) return false;
  bool productive = receive_in_scope(t, deadline);
  napi_close_handle_scope(t->env, scope);
  return productive;
}

/*
 * Spinning pays where the next packet comes within `spin_ns`; giving the CPU away, once, where the peer waits for this very
 * CPU: it answers then, which saves epoll and a turn of the loop, a fifth of such a round trip. What did not pay a few times
 * running is only tried now and then, to see whether that has changed.
 */
static bool is_worth_trying(habit *h) {
  if (h->credit > 0) return true;
  if (++h->missed < h->every) return false;
  h->missed = 0;
  return true;
}

static void judge(habit *h, bool paid) {
  h->credit += paid ? CREDIT_GAIN : -1;
  if (h->credit < 0) h->credit = 0;
  if (h->credit > CREDIT_MAX) h->credit = CREDIT_MAX;
  if (paid) h->every = TRY_EVERY;
}

/* It cost far more than it can gain: it is tried half as often from now on. */
static void give_up(habit *h) {
  h->credit = 0;
  if (h->every < TRY_EVERY_MAX) h->every *= 2;
}

void tun_set_waiting(tun *t, uint64_t spin_ns) {
  t->spin_ns = spin_ns;
  t->spin = (habit){.credit = 1, .every = TRY_EVERY};
  t->yield = (habit){.credit = 1, .every = TRY_EVERY};
}

/* One batch after whoever waits for this CPU had it; whether there was one. */
static bool receive_yielding(tun *t) {
  uint64_t before = now_ns();
  t->counters[COUNT_YIELDS]++;
  sched_yield();
  bool was_long = now_ns() - before > YIELD_NS;
  bool productive = receive(t, 0);
  if (was_long) give_up(&t->yield);
  else judge(&t->yield, productive);
  return productive;
}

static bool receive_spinning(tun *t) {
  bool productive = receive(t, now_ns() + t->spin_ns);
  judge(&t->spin, productive);
  return productive;
}

/* What comes after a batch: more of them without epoll, or none. */
static bool receive_more(tun *t) {
  bool spins = t->spin_ns != 0 && is_worth_trying(&t->spin);
  /* Among many peers the CPU is never idle, and has better to do. */
  bool yields = !spins && t->singles >= SINGLES && is_worth_trying(&t->yield);
  /* A loop with nothing to wait for (an immediate is due, a handle closes) gets its turn at once. */
  if ((!spins && !yields) || uv_backend_timeout(t->loop) == 0) return false;
  return spins ? receive_spinning(t) : receive_yielding(t);
}

static void on_readable(uv_handle_t *poll, int status, int events) {
  (void)events;
  tun *t = uv_handle_get_data(poll);
  if (t->closing) return;
  if (status < 0) {
    /* libuv turns EPOLLERR, which is a deleted interface, into EBADF. */
    tun_close(t, status == -EBADF ? EBADFD : -status, "poll");
    return;
  }
  const uint64_t end = t->spin_ns != 0 ? now_ns() + SPIN_TURN_NS : 0;
  bool productive = true;
  for (int batches = 0; productive && !t->closing; batches++) {
    if (t->spin_ns != 0 ? now_ns() >= end : batches >= TURN_BATCHES) return;
    productive = batches == 0 ? receive(t, 0) : receive_more(t);
  }
}

int tun_start(tun *t) {
  return -uv_poll_start(t->poll, UV_EVENT_READABLE, on_readable);
}
