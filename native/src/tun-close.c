/*
 * The end of a device, whoever asked for it: close(), an error, or the environment going away
 * (worker.terminate() with an open poll would abort the process). Always in this order: stop the poll,
 * close the handle, then the descriptor, then tell JavaScript.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "tun.h"

void tun_release(tun *t) {
  if (--t->owners == 0) free(t);
}

/* An exception out of a callback from the loop has no caller: it is the process's 'uncaughtException'. */
void tun_report_exception(tun *t) {
  bool pending = false;
  napi_value exception;
  if (napi_is_exception_pending(t->env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(t->env, &exception) == napi_ok) napi_fatal_exception(t->env, exception);
}

static void drop(tun *t, napi_ref *ref) {
  if (*ref != NULL) napi_delete_reference(t->env, *ref);
  *ref = NULL;
}

static void tell(tun *t) {
  napi_env env = t->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value self, on_end, error, ignored;
  napi_get_reference_value(env, t->self, &self);
  napi_get_reference_value(env, t->on_end, &on_end);
  if (t->error != 0) error = error_of(env, t->error, t->error_syscall, t->name);
  else napi_get_null(env, &error);
  drop(t, &t->on_batch);
  drop(t, &t->slab);
  drop(t, &t->table);
  tun_forget_batch(t);
  drop(t, &t->on_end);
  drop(t, &t->self);
  if (napi_make_callback(env, NULL, self, on_end, 1, &error, &ignored) != napi_ok) tun_report_exception(t);
  napi_close_handle_scope(env, scope);
}

static void on_closed(uv_handle_t *poll) {
  tun *t = uv_handle_get_data(poll);
  close(t->fd);
  t->fd = -1;
  free(poll);
  t->poll = NULL;
  if (!t->exiting) tell(t);
  napi_async_cleanup_hook_handle hook = t->exit_hook;
  tun_release(t);
  napi_remove_async_cleanup_hook(hook);
}

void tun_close(tun *t, int error, const char *syscall) {
  if (t->closing) return;
  t->closing = true;
  t->error = error;
  t->error_syscall = syscall;
  uv_poll_stop(t->poll);
  uv_close(t->poll, on_closed);
}

void tun_on_exit(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  tun *t = data;
  t->exiting = true;
  tun_close(t, 0, NULL);
}
