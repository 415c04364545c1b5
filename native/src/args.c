/*
 * Arguments from JavaScript, checked, and errors to it, in Node's shapes: ERR_INVALID_ARG_TYPE and
 * ERR_OUT_OF_RANGE for a programmer's mistake, `code`, `errno`, `syscall` and `path` for the system's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tun.h"

static const napi_type_tag TUN_TAG = {0x7c1d9a54e0b34f2aULL, 0x93e8f60b27d54c11ULL};

static bool wrong_type(napi_env env, const char *what, const char *takes) {
  char text[160];
  snprintf(text, sizeof text, "The \"%s\" argument must be %s", what, takes);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
  return false;
}

bool arg_int(napi_env env, napi_value value, const char *what, int32_t least, int32_t most, int32_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return wrong_type(env, what, "a number");
  if (number >= least && number <= most && number == (double)(int32_t)number) {
    *out = (int32_t)number;
    return true;
  }
  char text[160];
  snprintf(text, sizeof text, "The value of \"%s\" must be an integer from %d to %d", what, (int)least, (int)most);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
  return false;
}

bool arg_bool(napi_env env, napi_value value, const char *what, bool *out) {
  return napi_get_value_bool(env, value, out) == napi_ok || wrong_type(env, what, "a boolean");
}

bool arg_string(napi_env env, napi_value value, const char *what, char *out, size_t size) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return wrong_type(env, what, "a string");
  if (length < size) {
    napi_get_value_string_utf8(env, value, out, size, &length);
    if (strlen(out) == length) return true;
  }
  char text[160];
  snprintf(text, sizeof text, "The value of \"%s\" must be at most %zu bytes, with no NUL", what, size - 1);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
  return false;
}

bool arg_function(napi_env env, napi_value value, const char *what) {
  napi_valuetype type;
  return (napi_typeof(env, value, &type) == napi_ok && type == napi_function) || wrong_type(env, what, "a function");
}

static bool typed_array(napi_env env, napi_value value, napi_typedarray_type want, void **data, size_t *length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == want;
}

bool arg_bytes(napi_env env, napi_value value, const char *what, uint8_t **data, size_t *length) {
  return typed_array(env, value, napi_uint8_array, (void **)data, length) || wrong_type(env, what, "a Uint8Array");
}

bool arg_int32s(napi_env env, napi_value value, const char *what, int32_t **data, size_t *length) {
  return typed_array(env, value, napi_int32_array, (void **)data, length) || wrong_type(env, what, "an Int32Array");
}

bool tag_tun(napi_env env, napi_value object) {
  return napi_type_tag_object(env, object, &TUN_TAG) == napi_ok;
}

tun *arg_tun(napi_env env, napi_value value) {
  bool tagged = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, value, &TUN_TAG, &tagged) != napi_ok || !tagged ||
      napi_unwrap(env, value, &data) != napi_ok) {
    wrong_type(env, "handle", "a TUN handle, as open() returns");
    return NULL;
  }
  return data;
}

static void set_string(napi_env env, napi_value object, const char *key, const char *text) {
  napi_value value;
  if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok) {
    napi_set_named_property(env, object, key, value);
  }
}

napi_value error_of(napi_env env, int error, const char *syscall, const char *path) {
  char name[32], reason[96], text[256];
  if (error == EBADFD) { /* libuv has no name for it */
    strcpy(name, "EBADFD");
    strcpy(reason, "the device is gone");
  } else {
    uv_err_name_r(-error, name, sizeof name);
    uv_strerror_r(-error, reason, sizeof reason);
  }
  snprintf(text, sizeof text, "%s: %s, %s '%s'", name, reason, syscall, path);
  napi_value message, code, number, result;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
  napi_create_int32(env, -error, &number);
  if (napi_create_error(env, code, message, &result) != napi_ok) return NULL;
  napi_set_named_property(env, result, "errno", number);
  set_string(env, result, "syscall", syscall);
  set_string(env, result, "path", path);
  return result;
}

void throw_errno(napi_env env, int error, const char *syscall, const char *path) {
  napi_value value = error_of(env, error, syscall, path);
  if (value != NULL) napi_throw(env, value);
}
