/*
 * An interface's MTU, transmit queue length, state and addresses, by rtnetlink (man 7 rtnetlink): one
 * request, one acknowledgement.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tun.h"

typedef struct request {
  struct nlmsghdr header;
  char body[128];
} request;

static void append(request *r, const void *data, size_t length) {
  memcpy((char *)r + r->header.nlmsg_len, data, length);
  r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len + length);
}

static void append_attribute(request *r, uint16_t type, const void *data, size_t length) {
  struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(length), .rta_type = type};
  append(r, &attribute, sizeof attribute);
  append(r, data, length);
}

static void begin(request *r, uint16_t type, uint16_t flags, const void *body, size_t length) {
  memset(r, 0, sizeof *r);
  r->header.nlmsg_len = NLMSG_HDRLEN;
  r->header.nlmsg_type = type;
  r->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  append(r, body, length);
}

static int transact(request *r) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return errno;
  struct {
    struct nlmsghdr header;
    struct nlmsgerr result;
    char echo[512];
  } reply;
  ssize_t n = send(fd, r, r->header.nlmsg_len, 0);
  if (n >= 0) {
    do n = recv(fd, &reply, sizeof reply, 0);
    while (n < 0 && errno == EINTR);
  }
  int error = n < 0 ? errno : 0;
  close(fd);
  if (error != 0) return error;
  if ((size_t)n < sizeof reply.header + sizeof reply.result.error || reply.header.nlmsg_type != NLMSG_ERROR) return EPROTO;
  return -reply.result.error;
}

/* SIOCGIFINDEX, SIOCGIFMTU */
static int query(const char *name, unsigned long what, struct ifreq *out) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  memset(out, 0, sizeof *out);
  memcpy(out->ifr_name, name, strlen(name));
  int error = ioctl(fd, what, out) < 0 ? errno : 0;
  close(fd);
  return error;
}

int link_mtu(const char *name, int *mtu) {
  struct ifreq answer;
  int error = query(name, SIOCGIFMTU, &answer);
  if (error == 0) *mtu = answer.ifr_mtu;
  return error;
}

int link_set(const char *name, uint32_t mtu, uint32_t queue_length, bool up) {
  struct ifreq answer;
  int error = query(name, SIOCGIFINDEX, &answer);
  if (error != 0) return error;
  struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = answer.ifr_ifindex};
  if (up) {
    link.ifi_flags = IFF_UP;
    link.ifi_change = IFF_UP;
  }
  request r;
  begin(&r, RTM_NEWLINK, 0, &link, sizeof link);
  if (mtu != 0) append_attribute(&r, IFLA_MTU, &mtu, sizeof mtu);
  if (queue_length != 0) append_attribute(&r, IFLA_TXQLEN, &queue_length, sizeof queue_length);
  return transact(&r);
}

int link_add_address(const char *name, const char *address, uint8_t prefix) {
  struct ifreq answer;
  int error = query(name, SIOCGIFINDEX, &answer);
  if (error != 0) return error;
  uint8_t bytes[16];
  bool v6 = inet_pton(AF_INET6, address, bytes) == 1;
  if (!v6 && inet_pton(AF_INET, address, bytes) != 1) return EINVAL;
  size_t length = v6 ? 16 : 4;
  if (prefix > 8 * length) return EINVAL;
  struct ifaddrmsg body = {
      .ifa_family = v6 ? AF_INET6 : AF_INET,
      .ifa_prefixlen = prefix,
      /* Nobody else is on a point-to-point link: no duplicate address detection, usable at once. */
      .ifa_flags = v6 ? IFA_F_NODAD : 0,
      .ifa_index = (uint32_t)answer.ifr_ifindex,
  };
  request r;
  begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
  append_attribute(&r, IFA_LOCAL, bytes, length);
  append_attribute(&r, IFA_ADDRESS, bytes, length);
  return transact(&r);
}
