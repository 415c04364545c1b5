/*
 * What JavaScript sees (src/device/addon.ts has the types): functions over a handle that open() returns.
 * Node-API version 8 and libuv's v1 ABI only, so that one binary serves Node 20 and all that follow.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tun.h"

/* glibc's; absent from musl, whose allocator has no such thresholds. */
extern int mallopt(int parameter, int value) __attribute__((weak));
enum { MALLOPT_TRIM_THRESHOLD = -1, MALLOPT_MMAP_THRESHOLD = -3 };

/*
 * Slabs of 1 MiB come and go at the rate of traffic. Above glibc's default thresholds each would be mapped,
 * zeroed page by page by the kernel, and unmapped; kept in the heap they are reused warm.
 */
static void keep_slabs_in_heap(void) {
  static bool done = false;
  if (done || mallopt == NULL) return;
  done = true;
  mallopt(MALLOPT_MMAP_THRESHOLD, 8 << 20);
  mallopt(MALLOPT_TRIM_THRESHOLD, 256 << 20);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  tun_release(data);
}

static bool expose(napi_env env, tun *t, napi_value *object) {
  napi_value name, buffer, counters, write;
  void *memory;
  if (napi_create_object(env, object) != napi_ok || !tag_tun(env, *object)) return false;
  if (napi_create_string_utf8(env, t->name, NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
  if (napi_create_arraybuffer(env, COUNTERS * sizeof(double), &memory, &buffer) != napi_ok) return false;
  if (napi_create_typedarray(env, napi_float64_array, COUNTERS, buffer, 0, &counters) != napi_ok) return false;
  if (napi_create_function(env, "write", NAPI_AUTO_LENGTH, tun_write, t, &write) != napi_ok) return false;
  if (napi_add_finalizer(env, write, t, on_collected, NULL, NULL) != napi_ok) return false;
  t->owners++;
  memset(memory, 0, COUNTERS * sizeof(double));
  t->counters = memory;
  napi_property_descriptor properties[] = {
      {"name", NULL, NULL, NULL, NULL, name, napi_enumerable, NULL},
      {"counters", NULL, NULL, NULL, NULL, counters, napi_enumerable, NULL},
      {"write", NULL, NULL, NULL, NULL, write, napi_enumerable, NULL},
  };
  return napi_define_properties(env, *object, 3, properties) == napi_ok;
}

/* The poll handle, the exit hook, and the references that keep all of it until the end. */
static int go_live(napi_env env, tun *t, napi_value object, napi_value on_end, const char **syscall) {
  t->poll = calloc(1, uv_handle_size(UV_HANDLE_POLL));
  if (t->poll == NULL) return ENOMEM;
  *syscall = "epoll_ctl";
  int status = uv_poll_init(t->loop, t->poll, t->fd);
  if (status != 0) {
    free(t->poll);
    return -status;
  }
  uv_handle_set_data(t->poll, t);
  napi_add_async_cleanup_hook(env, tun_on_exit, t, &t->exit_hook);
  napi_create_reference(env, object, 1, &t->self);
  napi_create_reference(env, on_end, 1, &t->on_end);
  t->owners++;
  return 0;
}

/* open(name, offload, multiQueue, onEnd): the handle. onEnd(error | null) is called once, when all is closed. */
static napi_value do_open(napi_env env, napi_callback_info info) {
  napi_value argv[4], object;
  size_t argc = 4;
  char name[NAME_SIZE];
  bool offload, multi_queue;
  uv_loop_t *loop;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!arg_string(env, argv[0], "name", name, sizeof name) || !arg_bool(env, argv[1], "offload", &offload) ||
      !arg_bool(env, argv[2], "multiQueue", &multi_queue) || !arg_function(env, argv[3], "onEnd")) {
    return NULL;
  }
  if (napi_get_uv_event_loop(env, (struct uv_loop_s **)&loop) != napi_ok) return NULL;
  tun *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->owners = 1;
  t->env = env;
  t->loop = loop;
  const char *syscall;
  int error = tun_attach(name, offload, multi_queue, t, &syscall);
  if (error != 0) {
    throw_errno(env, error, syscall, strcmp(syscall, "open") == 0 ? "/dev/net/tun" : name);
    free(t);
    return NULL;
  }
  int fd = t->fd;
  if (!expose(env, t, &object) || napi_wrap(env, object, t, on_collected, NULL, NULL) != napi_ok) {
    t->closing = true;
    tun_release(t);
    close(fd);
    return NULL;
  }
  error = go_live(env, t, object, argv[3], &syscall);
  if (error != 0) {
    t->closing = true;
    close(fd);
    throw_errno(env, error, syscall, name);
    return NULL;
  }
  keep_slabs_in_heap();
  return object;
}

static bool arg_slab(napi_env env, napi_value value) {
  uint8_t *data;
  size_t length;
  if (!arg_bytes(env, value, "slab", &data, &length)) return false;
  if (length >= LARGEST_READ && length <= INT32_MAX) return true;
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "The \"slab\" argument must hold a packet of 65,547 bytes or more");
  return false;
}

/* start(handle, slab, table, onBatch, spinUs): packets flow; table[RX_NEXT] says where the first batch starts. The table is never detached. */
static napi_value do_start(napi_env env, napi_callback_info info) {
  napi_value argv[5];
  size_t argc = 5, length;
  int32_t *table, spin_us;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  tun *t = arg_tun(env, argv[0]);
  if (t == NULL || !arg_slab(env, argv[1]) || !arg_int32s(env, argv[2], "table", &table, &length) ||
      !arg_function(env, argv[3], "onBatch") || !arg_int(env, argv[4], "spinUs", 0, 10000, &spin_us)) {
    return NULL;
  }
  if (length < RX_TABLE) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "The \"table\" argument is too short");
    return NULL;
  }
  if (t->closing || t->on_batch != NULL) {
    napi_throw_error(env, "ERR_INVALID_STATE", t->closing ? "The device is closed" : "The device was started before");
    return NULL;
  }
  int error = tun_start(t);
  if (error != 0) {
    throw_errno(env, error, "epoll_ctl", t->name);
    return NULL;
  }
  tun_set_waiting(t, (uint64_t)spin_us * 1000);
  napi_create_reference(env, argv[1], 1, &t->slab);
  napi_create_reference(env, argv[2], 1, &t->table);
  t->rows = table;
  napi_create_reference(env, argv[3], 1, &t->on_batch);
  return NULL;
}

/* setSlab(handle, slab): the next batch is read into other memory. */
static napi_value do_set_slab(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  size_t argc = 2;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  tun *t = arg_tun(env, argv[0]);
  if (t == NULL || !arg_slab(env, argv[1]) || t->slab == NULL) return NULL;
  napi_ref fresh;
  if (napi_create_reference(env, argv[1], 1, &fresh) != napi_ok) return NULL;
  napi_delete_reference(env, t->slab);
  t->slab = fresh;
  return NULL;
}

static tun *only_tun(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  size_t argc = 1;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  return arg_tun(env, argv[0]);
}

static napi_value do_close(napi_env env, napi_callback_info info) {
  tun *t = only_tun(env, info);
  if (t != NULL) tun_close(t, 0, NULL);
  return NULL;
}

static napi_value do_ref(napi_env env, napi_callback_info info) {
  tun *t = only_tun(env, info);
  if (t != NULL && !t->closing) uv_ref(t->poll);
  return NULL;
}

static napi_value do_unref(napi_env env, napi_callback_info info) {
  tun *t = only_tun(env, info);
  if (t != NULL && !t->closing) uv_unref(t->poll);
  return NULL;
}

/* steer(handle, key, multiplier): packets go to the queue of their shard, of as many as are open. */
static napi_value do_steer(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  size_t argc = 3;
  int32_t key, multiplier;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  tun *t = arg_tun(env, argv[0]);
  if (t == NULL || !arg_int(env, argv[1], "key", INT32_MIN, INT32_MAX, &key) ||
      !arg_int(env, argv[2], "multiplier", INT32_MIN, INT32_MAX, &multiplier)) {
    return NULL;
  }
  const char *syscall;
  int error = t->closing ? EBADFD : tun_steer(t, key, multiplier, &syscall);
  if (error != 0) throw_errno(env, error, t->closing ? "ioctl" : syscall, t->name);
  return NULL;
}

/* linkSet(name, mtu, queueLength, up): 0 and false leave as is. Returns the MTU. */
static napi_value do_link_set(napi_env env, napi_callback_info info) {
  napi_value argv[4], result;
  size_t argc = 4;
  char name[NAME_SIZE];
  int32_t mtu, queue_length;
  bool up;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!arg_string(env, argv[0], "name", name, sizeof name) || !arg_int(env, argv[1], "mtu", 0, 65535, &mtu) ||
      !arg_int(env, argv[2], "queueLength", 0, 1000000, &queue_length) || !arg_bool(env, argv[3], "up", &up)) {
    return NULL;
  }
  int error = link_set(name, (uint32_t)mtu, (uint32_t)queue_length, up);
  if (error == 0) error = link_mtu(name, &mtu);
  if (error != 0) {
    throw_errno(env, error, "RTM_NEWLINK", name);
    return NULL;
  }
  return napi_create_int32(env, mtu, &result) == napi_ok ? result : NULL;
}

/* linkAddAddress(name, address, prefix) */
static napi_value do_link_add_address(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  size_t argc = 3;
  char name[NAME_SIZE], address[64];
  int32_t prefix;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (!arg_string(env, argv[0], "name", name, sizeof name) ||
      !arg_string(env, argv[1], "address", address, sizeof address) ||
      !arg_int(env, argv[2], "prefix", 0, 128, &prefix)) {
    return NULL;
  }
  int error = link_add_address(name, address, (uint8_t)prefix);
  if (error != 0) throw_errno(env, error, "RTM_NEWADDR", address);
  return NULL;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", NULL, do_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"start", NULL, do_start, NULL, NULL, NULL, napi_enumerable, NULL},
      {"setSlab", NULL, do_set_slab, NULL, NULL, NULL, napi_enumerable, NULL},
      {"useBatch", NULL, tun_use_batch, NULL, NULL, NULL, napi_enumerable, NULL},
      {"steer", NULL, do_steer, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, do_close, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ref", NULL, do_ref, NULL, NULL, NULL, napi_enumerable, NULL},
      {"unref", NULL, do_unref, NULL, NULL, NULL, napi_enumerable, NULL},
      {"linkSet", NULL, do_link_set, NULL, NULL, NULL, napi_enumerable, NULL},
      {"linkAddAddress", NULL, do_link_add_address, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) == napi_ok ? exports : NULL;
}
