/*
 * Opens /dev/net/tun and attaches to an interface, created when there is none of the name
 * (kernel: Documentation/networking/tuntap.rst).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tun.h"

static int attach(int fd, const char *name, bool offload, bool multi_queue, tun *t, const char **syscall) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, name, strlen(name));
  request.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0) | (multi_queue ? IFF_MULTI_QUEUE : 0));
  *syscall = "TUNSETIFF";
  if (ioctl(fd, TUNSETIFF, &request) < 0) return errno;
  memcpy(t->name, request.ifr_name, NAME_SIZE);
  t->name[NAME_SIZE - 1] = 0;
  if (offload) {
    int header = VNET_HEADER;
    *syscall = "TUNSETVNETHDRSZ";
    if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0) return errno;
  }
  /* Without offload too: an interface that outlived its last user keeps what that one asked for. */
  unsigned long features = offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
  *syscall = "TUNSETOFFLOAD";
  return ioctl(fd, TUNSETOFFLOAD, features) < 0 ? errno : 0;
}

int tun_attach(const char *name, bool offload, bool multi_queue, tun *t, const char **syscall) {
  *syscall = "open";
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = attach(fd, name, offload, multi_queue, t, syscall);
  if (error != 0) {
    close(fd);
    return error;
  }
  t->fd = fd;
  t->offload = offload;
  return 0;
}
