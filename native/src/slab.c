/*
 * What V8 is told of the slabs' memory. It counts each ArrayBuffer towards the next full collection of the heap, whose
 * limit on a small heap is about 24 MB: at the rate of traffic that is a full collection every few milliseconds, to free
 * slabs that the collection of young objects, which comes every 32 MiB of new ArrayBuffers by itself, frees anyway. So
 * most of a slab is taken off that account for as long as it lives; the rest stays, so that slabs that grew old are
 * collected some day too.
 */
#include "tun.h"

/* Of each slab's bytes, this part does not count: full collections come every 256 MiB of old slabs or so. */
static int64_t discount_of(size_t length) {
  return (int64_t)(length - length / 16);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)hint;
  int64_t total;
  napi_adjust_external_memory(env, discount_of((size_t)data), &total);
}

void slab_discount(napi_env env, napi_value slab) {
  napi_value buffer;
  size_t length;
  int64_t total;
  if (napi_get_typedarray_info(env, slab, NULL, &length, NULL, &buffer, NULL) != napi_ok) return;
  if (napi_add_finalizer(env, buffer, (void *)length, on_collected, NULL, NULL) != napi_ok) return;
  napi_adjust_external_memory(env, -discount_of(length), &total);

}
