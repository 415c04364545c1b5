/*
 * Sending: one writev a packet, of the virtio-net header (built in the 12 bytes kept free before each
 * head), the head, and the application's own bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/uio.h>

#include "tun.h"

enum { MOST_IOV = 1024 /* UIO_MAXIOV */, TCP_CHECKSUM = 16, TCP_DATA_OFFSET = 12 /* in the TCP header */ };

typedef struct batch {
  const int32_t *table;
  const int32_t *ranges;
  size_t range_count;
  uint8_t *slab;
  size_t slab_length;
  napi_value pieces;
} batch;

static bool refuse(napi_env env, const char *text) {
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
  return false;
}

/* The head with its virtio-net header as the first piece. */
static bool put_head(napi_env env, const tun *t, const batch *b, const int32_t *row, struct iovec *iov) {
  int32_t offset = row[TX_OFFSET], head = row[TX_HEAD], csum = row[TX_CSUM_START], gso = row[TX_GSO_SIZE];
  if (offset < VNET_HEADER || head < 1 || (size_t)offset + (size_t)head > b->slab_length) {
    return refuse(env, "The batch's table holds a head outside of its bytes");
  }
  if (csum < -1 || csum > head || gso < 0 || gso > 65535 || (gso > 0 && csum < 0)) {
    return refuse(env, "The batch's table holds a CSUM_START or GSO_SIZE that cannot be");
  }
  if (!t->offload) {
    if (csum >= 0 || gso > 0) return refuse(env, "The batch asks for offload of a device that was opened without");
    iov->iov_base = b->slab + offset;
    iov->iov_len = (size_t)head;
    return true;
  }
  struct virtio_net_hdr_v1 header;
  memset(&header, 0, sizeof header);
  if (csum >= 0) {
    header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header.csum_start = (uint16_t)csum;
    header.csum_offset = TCP_CHECKSUM;
  }
  if (gso > 0) {
    header.gso_type = row[TX_FAMILY] == 6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
    header.gso_size = (uint16_t)gso;
    int32_t length = head;
    if (csum + TCP_DATA_OFFSET < head) length = csum + (b->slab[offset + csum + TCP_DATA_OFFSET] >> 4) * 4;
    header.hdr_len = (uint16_t)(length < head ? length : head);
  }
  iov->iov_base = b->slab + offset - VNET_HEADER;
  iov->iov_len = VNET_HEADER + (size_t)head;
  memcpy(iov->iov_base, &header, VNET_HEADER);
  return true;
}

/* The packet's pieces behind the head; adjoining ones become one. Returns the number of iovecs in all, -1 after throwing. */
static int put_pieces(napi_env env, const batch *b, const int32_t *row, struct iovec *iov) {
  int32_t first = row[TX_FIRST_PIECE], pieces = row[TX_PIECES];
  if (first < 0 || pieces < 0 || (size_t)first + (size_t)pieces > b->range_count) {
    refuse(env, "The batch's table holds pieces outside of its ranges");
    return -1;
  }
  int count = 1;
  for (int32_t i = first; i < first + pieces; i++) {
    napi_value chunk;
    uint8_t *data;
    size_t length;
    if (napi_get_element(env, b->pieces, (uint32_t)i, &chunk) != napi_ok) return -1;
    if (!arg_bytes(env, chunk, "pieces[i]", &data, &length)) return -1;
    int32_t from = b->ranges[2 * i], size = b->ranges[2 * i + 1];
    if (from < 0 || size < 0 || (size_t)from + (size_t)size > length) {
      refuse(env, "The batch's ranges reach outside of a piece");
      return -1;
    }
    struct iovec *last = &iov[count - 1];
    if ((uint8_t *)last->iov_base + last->iov_len == data + from) {
      last->iov_len += (size_t)size;
    } else if (size > 0 && count < MOST_IOV) {
      iov[count++] = (struct iovec){data + from, (size_t)size};
    } else if (size > 0) {
      refuse(env, "A packet has more pieces than one writev takes");
      return -1;
    }
  }
  return count;
}

/* The errno of the write, 0 when it was taken. */
static int put_packet(tun *t, const struct iovec *iov, int count) {
  ssize_t n;
  do n = writev(t->fd, iov, count);
  while (n < 0 && errno == EINTR);
  if (n >= 0) {
    t->counters[COUNT_WRITES]++;
    t->counters[COUNT_WRITE_BYTES] += (double)n - (t->offload ? VNET_HEADER : 0);
    return 0;
  }
  t->counters[COUNT_WRITE_ERRORS]++;
  return errno;
}

static int32_t put_batch(napi_env env, tun *t, const batch *b, int32_t count) {
  int32_t taken = 0;
  struct iovec iov[MOST_IOV];
  for (int32_t i = 0; i < count && !t->closing; i++) {
    const int32_t *row = b->table + i * TX_COLUMNS;
    if (!put_head(env, t, b, row, iov)) break;
    napi_handle_scope scope;
    if (row[TX_PIECES] > 0) napi_open_handle_scope(env, &scope);
    int pieces = put_pieces(env, b, row, iov);
    int error = pieces < 0 ? 0 : put_packet(t, iov, pieces);
    if (row[TX_PIECES] > 0) napi_close_handle_scope(env, scope);
    if (pieces < 0) break;
    if (error == 0) taken++;
    if (error == EBADFD) tun_close(t, error, "write");
    /* No room, or the link is down, and may come up again. Anything else is about this packet alone. */
    if (error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EIO) break;
  }
  return taken;
}

/* write(handle, table, count, bytes, pieces, ranges): the number of packets that the kernel took. */
napi_value tun_write(napi_env env, napi_callback_info info) {
  napi_value argv[6], result;
  size_t argc = 6;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  tun *t = arg_tun(env, argv[0]);
  if (t == NULL) return NULL;
  batch b;
  int32_t *table, *ranges, count;
  size_t cells, range_cells;
  bool is_array = false;
  if (!arg_int32s(env, argv[1], "table", &table, &cells)) return NULL;
  if (!arg_int(env, argv[2], "count", 0, (int32_t)(cells / TX_COLUMNS), &count)) return NULL;
  if (!arg_bytes(env, argv[3], "bytes", &b.slab, &b.slab_length)) return NULL;
  if (!arg_int32s(env, argv[5], "ranges", &ranges, &range_cells)) return NULL;
  if (napi_is_array(env, argv[4], &is_array) != napi_ok || !is_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "The \"pieces\" argument must be an array");
    return NULL;
  }
  b.table = table;
  b.ranges = ranges;
  b.range_count = range_cells / 2;
  b.pieces = argv[4];
  int32_t taken = put_batch(env, t, &b, count);
  return napi_create_int32(env, taken, &result) == napi_ok ? result : NULL;
}
