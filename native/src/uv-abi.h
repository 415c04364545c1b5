/*
 * The few functions of libuv's v1 ABI that the addon calls, declared here because Node's header package
 * carries no uv.h. Handles are opaque: their size is asked at run time, so one binary serves every libuv 1.x.
 */
#ifndef USERTCP_UV_ABI_H
#define USERTCP_UV_ABI_H

#include <stddef.h>

typedef struct uv_loop_s uv_loop_t;
/* Stands for uv_poll_t as well: libuv's handle "subclasses" share one address. */
typedef struct uv_handle_s uv_handle_t;

/* uv_handle_type and uv_poll_event, as numbered since libuv 1.0. */
enum { UV_HANDLE_POLL = 8 };
enum { UV_EVENT_READABLE = 1 };

extern size_t uv_handle_size(int type);
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern int uv_poll_init(uv_loop_t *loop, uv_handle_t *poll, int fd);
extern int uv_poll_start(uv_handle_t *poll, int events, void (*cb)(uv_handle_t *poll, int status, int events));
extern int uv_poll_stop(uv_handle_t *poll);
extern void uv_close(uv_handle_t *handle, void (*cb)(uv_handle_t *handle));
extern void uv_ref(uv_handle_t *handle);
extern void uv_unref(uv_handle_t *handle);
extern int uv_backend_timeout(const uv_loop_t *loop);
extern char *uv_err_name_r(int error, char *buffer, size_t size);
extern char *uv_strerror_r(int error, char *buffer, size_t size);

#endif
