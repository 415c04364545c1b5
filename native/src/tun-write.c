/*
 * Sending: one writev a packet, of the virtio-net header (built in the 12 bytes kept free before each
 * head), the head, and the application's own bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tun.h"

enum { MOST_IOV = 1024 /* UIO_MAXIOV */, TCP_CHECKSUM = 16, TCP_DATA_OFFSET = 12 /* in the TCP header */, NO_CHUNK = -1 };

/* The array that the last piece was of: the next one is mostly of the same, and to ask V8 for it costs as much as a small copy. */
typedef struct chunk {
  int32_t index;
  uint8_t *data;
  size_t length;
} chunk;

static bool refuse(napi_env env, const char *text) {
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
  return false;
}

/* The head with its virtio-net header as the first piece. */
static bool put_head(napi_env env, const tun *t, const int32_t *row, struct iovec *iov) {
  const tx_batch *b = &t->tx;
  int32_t offset = row[TX_OFFSET], head = row[TX_HEAD], csum = row[TX_CSUM_START], gso = row[TX_GSO_SIZE];
  if (offset < VNET_HEADER || head < 1 || (size_t)offset + (size_t)head > b->length) {
    return refuse(env, "The batch's table holds a head outside of its bytes");
  }
  if (csum < -1 || csum > head || gso < 0 || gso > 65535 || (gso > 0 && csum < 0)) {
    return refuse(env, "The batch's table holds a CSUM_START or GSO_SIZE that cannot be");
  }
  if (!t->offload) {
    if (csum >= 0 || gso > 0) return refuse(env, "The batch asks for offload of a device that was opened without");
    iov->iov_base = b->bytes + offset;
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
    if (csum + TCP_DATA_OFFSET < head) length = csum + (b->bytes[offset + csum + TCP_DATA_OFFSET] >> 4) * 4;
    header.hdr_len = (uint16_t)(length < head ? length : head);
  }
  iov->iov_base = b->bytes + offset - VNET_HEADER;
  iov->iov_len = VNET_HEADER + (size_t)head;
  memcpy(iov->iov_base, &header, VNET_HEADER);
  return true;
}

/* Looks chunk `i` up. Its bytes stay where they are as long as `list` holds it: until `write` returns. */
static bool find_chunk(napi_env env, napi_value list, int32_t i, chunk *found) {
  napi_handle_scope scope;
  napi_value value;
  napi_open_handle_scope(env, &scope);
  bool ok = napi_get_element(env, list, (uint32_t)i, &value) == napi_ok &&
            arg_bytes(env, value, "chunks[i]", &found->data, &found->length);
  napi_close_handle_scope(env, scope);
  found->index = ok ? i : NO_CHUNK;
  return ok;
}

/* The packet's pieces behind the head; adjoining ones become one. Returns the number of iovecs in all, -1 after throwing. */
static int put_pieces(napi_env env, const tun *t, napi_value list, const int32_t *row, chunk *last, struct iovec *iov) {
  const tx_batch *b = &t->tx;
  int32_t first = row[TX_FIRST_PIECE], pieces = row[TX_PIECES];
  if (first < 0 || pieces < 0 || (size_t)first + (size_t)pieces > b->piece_rows) {
    refuse(env, "A packet's pieces lie outside of the batch's pieces");
    return -1;
  }
  int count = 1;
  for (int32_t i = first; i < first + pieces; i++) {
    const int32_t *piece = b->pieces + i * PIECE_COLUMNS;
    int32_t from = piece[PIECE_OFFSET], size = piece[PIECE_LENGTH];
    if (piece[PIECE_CHUNK] < 0) {
      refuse(env, "The batch's pieces are of a chunk that cannot be");
      return -1;
    }
    if (piece[PIECE_CHUNK] != last->index && !find_chunk(env, list, piece[PIECE_CHUNK], last)) return -1;
    if (from < 0 || size < 0 || (size_t)from + (size_t)size > last->length) {
      refuse(env, "The batch's pieces reach outside of a chunk");
      return -1;
    }
    struct iovec *before = &iov[count - 1];
    if ((uint8_t *)before->iov_base + before->iov_len == last->data + from) {
      before->iov_len += (size_t)size;
    } else if (size > 0 && count < MOST_IOV) {
      iov[count++] = (struct iovec){last->data + from, (size_t)size};
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
  /* A single piece goes without the kernel's copy of the vector. */
  do n = count == 1 ? write(t->fd, iov->iov_base, iov->iov_len) : writev(t->fd, iov, count);
  while (n < 0 && errno == EINTR);
  if (n >= 0) {
    t->counters[COUNT_WRITES]++;
    t->counters[COUNT_WRITE_BYTES] += (double)n - (t->offload ? VNET_HEADER : 0);
    return 0;
  }
  t->counters[COUNT_WRITE_ERRORS]++;
  return errno;
}

static int32_t put_batch(napi_env env, tun *t, int32_t count, napi_value list) {
  int32_t taken = 0;
  struct iovec iov[MOST_IOV];
  chunk last = {.index = NO_CHUNK};
  for (int32_t i = 0; i < count && !t->closing; i++) {
    const int32_t *row = t->tx.table + i * TX_COLUMNS;
    if (!put_head(env, t, row, iov)) break;
    int pieces = put_pieces(env, t, list, row, &last, iov);
    if (pieces < 0) break;
    int error = put_packet(t, iov, pieces);
    if (error == 0) taken++;
    if (error == EBADFD) tun_close(t, error, "write");
    /* No room, or the link is down, and may come up again. Anything else is about this packet alone. */
    if (error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EIO) break;
  }
  return taken;
}

void tun_forget_batch(tun *t) {
  napi_ref *refs[] = {&t->tx.table_ref, &t->tx.bytes_ref, &t->tx.pieces_ref};
  for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
    if (*refs[i] != NULL) napi_delete_reference(t->env, *refs[i]);
  }
  memset(&t->tx, 0, sizeof t->tx);
}

/* useBatch(handle, table, bytes, pieces): the memory that `write` sends from, until the next call. It is never detached. */
napi_value tun_use_batch(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  size_t argc = 4, cells, piece_cells;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  tun *t = arg_tun(env, argv[0]);
  tx_batch b = {0};
  int32_t *table, *pieces;
  if (t == NULL || !arg_int32s(env, argv[1], "table", &table, &cells) ||
      !arg_bytes(env, argv[2], "bytes", &b.bytes, &b.length) ||
      !arg_int32s(env, argv[3], "pieces", &pieces, &piece_cells) || t->closing) {
    return NULL;
  }
  b.table = table;
  b.rows = cells / TX_COLUMNS;
  b.pieces = pieces;
  b.piece_rows = piece_cells / PIECE_COLUMNS;
  tun_forget_batch(t);
  t->tx = b;
  napi_create_reference(env, argv[1], 1, &t->tx.table_ref);
  napi_create_reference(env, argv[2], 1, &t->tx.bytes_ref);
  napi_create_reference(env, argv[3], 1, &t->tx.pieces_ref);
  return NULL;
}

/* write(count, chunks): the number of packets that the kernel took of the batch in use. */
napi_value tun_write(napi_env env, napi_callback_info info) {
  napi_value argv[2], result;
  size_t argc = 2;
  void *data;
  int32_t count;
  napi_get_cb_info(env, info, &argc, argv, NULL, &data);
  tun *t = data;
  int32_t taken = 0;
  if (!t->closing) {
    if (!arg_int(env, argv[0], "count", 0, (int32_t)t->tx.rows, &count)) return NULL;
    taken = put_batch(env, t, count, argv[1]);
  }
  return napi_create_int32(env, taken, &result) == napi_ok ? result : NULL;
}
