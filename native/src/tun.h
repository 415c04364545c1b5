/*
 * One TUN device inside the addon, and what its files share. No protocol is known here beyond the place of
 * the TCP checksum, which virtio-net wants to be told.
 */
#ifndef USERTCP_TUN_H
#define USERTCP_TUN_H

#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>

#include "uv-abi.h"

enum {
  NAME_SIZE = 16, /* IFNAMSIZ */
  VNET_HEADER = 12, /* struct virtio_net_hdr_v1; leaves the IP header 4-aligned */
  LARGEST_READ = 65535 + VNET_HEADER, /* a smaller buffer truncates silently */
  BATCH = 32, /* RX_BATCH in src/base/packet-batch.ts */
};

/* Columns of the receive table (RX in src/base/packet-batch.ts). Behind its last row: where the next batch starts, how many rows are filled. */
enum { RX_OFFSET, RX_LENGTH, RX_FLAGS, RX_GSO_SIZE, RX_COLUMNS };
enum { RX_CHECKSUM_OK = 1 };
enum { RX_NEXT = BATCH * RX_COLUMNS, RX_COUNT, RX_TABLE };

/* Columns of the transmit table (TX in src/base/packet-batch.ts). */
enum { TX_OFFSET, TX_HEAD, TX_FIRST_PIECE, TX_PIECES, TX_TOTAL, TX_GSO_SIZE, TX_CSUM_START, TX_FAMILY, TX_COLUMNS };
enum { PIECE_CHUNK, PIECE_OFFSET, PIECE_LENGTH, PIECE_COLUMNS };

/* Slots of the counters that JavaScript reads through a Float64Array (COUNTER_NAMES in src/device/tun.ts). */
enum {
  COUNT_READS, /* read(2) calls that returned a packet */
  COUNT_READ_BYTES,
  COUNT_READ_EMPTY, /* reads that found nothing (EAGAIN) */
  COUNT_BATCHES,
  COUNT_WRITES, /* write(2) calls that took a packet */
  COUNT_WRITE_BYTES,
  COUNT_WRITE_ERRORS, /* packets that the kernel refused */
  COUNT_SPINS, /* polls of the fd between batches, in place of epoll */
  COUNT_YIELDS, /* times that the CPU was given away between batches, in place of epoll */
  COUNTERS,
};

/* The batch that JavaScript fills with packets to send, looked up once: asking for it anew cost a tenth of a small write. */
typedef struct tx_batch {
  napi_ref table_ref, bytes_ref, pieces_ref;
  const int32_t *table;
  size_t rows;
  uint8_t *bytes;
  size_t length;
  const int32_t *pieces; /* rows of PIECE_COLUMNS */
  size_t piece_rows;
} tx_batch;

/* A way to wait for the next packet without epoll, done while it pays. */
typedef struct habit {
  int credit; /* above 0: it paid often enough lately */
  unsigned every, missed; /* without credit it is tried after `every` batches; how many there were since the last try */
} habit;

typedef struct tun {
  int owners; /* the JavaScript object, its `write`, the libuv handle */
  int fd;
  char name[NAME_SIZE];
  bool offload;
  bool closing;
  bool exiting; /* the environment is going away: no more JavaScript */
  int error; /* why it closes; 0 when asked to */
  const char *error_syscall;
  unsigned singles; /* batches of one packet in a row */
  uint64_t spin_ns;
  habit spin, yield;
  double *counters; /* lies in an ArrayBuffer that `self` keeps alive */
  napi_env env;
  uv_loop_t *loop;
  uv_handle_t *poll;
  napi_async_cleanup_hook_handle exit_hook;
  napi_ref self, on_batch, on_end, slab, table;
  int32_t *rows; /* of `table` */
  tx_batch tx;
} tun;

/* tun-open.c: return 0 or an errno; `syscall` then says which call failed. */
int tun_attach(const char *name, bool offload, bool multi_queue, tun *t, const char **syscall);

/* tun-steer.c: the queues of the interface by the hash of base/shard-hash.ts; returns as tun_attach. */
int tun_steer(tun *t, int32_t key, int32_t multiplier, const char **syscall);

/* tun-read.c */
int tun_start(tun *t);
/* How the device waits from its start on; `spin_ns`: 0 to not spin. */
void tun_set_waiting(tun *t, uint64_t spin_ns);
uint64_t now_ns(void);

/* tun-write.c: `write` of a handle, whose data is its tun. */
napi_value tun_use_batch(napi_env env, napi_callback_info info);
napi_value tun_write(napi_env env, napi_callback_info info);
void tun_forget_batch(tun *t);

/* tun-close.c */
void tun_close(tun *t, int error, const char *syscall);
void tun_release(tun *t);
void tun_on_exit(napi_async_cleanup_hook_handle hook, void *data);
void tun_report_exception(tun *t);

/* link.c: an interface's MTU, queue length, state and addresses; return 0 or an errno. */
int link_set(const char *name, uint32_t mtu, uint32_t queue_length, bool up);
int link_mtu(const char *name, int *mtu);
int link_add_address(const char *name, const char *address, uint8_t prefix);

/* args.c: each throws, naming the argument, and returns false when the value does not fit. */
bool arg_int(napi_env env, napi_value value, const char *what, int32_t least, int32_t most, int32_t *out);
bool arg_bool(napi_env env, napi_value value, const char *what, bool *out);
bool arg_string(napi_env env, napi_value value, const char *what, char *out, size_t size);
bool arg_function(napi_env env, napi_value value, const char *what);
bool arg_bytes(napi_env env, napi_value value, const char *what, uint8_t **data, size_t *length);
bool arg_int32s(napi_env env, napi_value value, const char *what, int32_t **data, size_t *length);
tun *arg_tun(napi_env env, napi_value value);
bool tag_tun(napi_env env, napi_value object);
napi_value error_of(napi_env env, int error, const char *syscall, const char *path);
void throw_errno(napi_env env, int error, const char *syscall, const char *path);

#endif
