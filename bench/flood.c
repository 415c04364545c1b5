/*
 * A SYN flood, for the suite `scale`: SYNs to one port at a steady rate and for a limited time, each from another address of
 * 198.18.0.0/15 (RFC 2544: for benchmarks alone). Nobody answers the SYN-ACKs: they end in this namespace.
 *
 * usage: flood HOST PORT RATE SECONDS      prints {"sent":N,"refused":N,"seconds":S}; at most 200,000 a second for 60 s
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, LENGTH = sizeof(struct iphdr) + sizeof(struct tcphdr) + 4, RATE_MOST = 200000, SECONDS_MOST = 60 };

static uint8_t packets[BATCH][LENGTH];
static struct mmsghdr messages[BATCH];
static struct iovec pieces[BATCH];
static struct sockaddr_in to = {.sin_family = AF_INET};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint32_t sum(const void *bytes, int length, uint32_t total) {
  const uint16_t *words = bytes;
  for (int i = 0; i < length / 2; i++) total += words[i];
  return total;
}

static uint16_t fold(uint32_t total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return ~total;
}

/* The n-th SYN: address, port and sequence number follow from n. */
static void write_syn(uint8_t *packet, uint32_t n, int port) {
  uint32_t mixed = n * 2654435761u;
  struct iphdr *ip = (struct iphdr *)packet;
  struct tcphdr *tcp = (struct tcphdr *)(packet + sizeof *ip);
  uint8_t *mss = packet + sizeof *ip + sizeof *tcp;
  int length = sizeof *tcp + 4;
  memset(packet, 0, LENGTH);
  ip->version = 4;
  ip->ihl = 5;
  ip->tot_len = htons(LENGTH);
  ip->ttl = 64;
  ip->protocol = IPPROTO_TCP;
  ip->saddr = htonl(0xc6120000u | (mixed >> 15));
  ip->daddr = to.sin_addr.s_addr;
  tcp->source = htons(1024 + n % 60000);
  tcp->dest = htons(port);
  tcp->seq = htonl(mixed);
  tcp->doff = length / 4;
  tcp->syn = 1;
  tcp->window = htons(64240);
  mss[0] = 2, mss[1] = 4, mss[2] = 0x05, mss[3] = 0xb4;
  tcp->check = fold(sum(tcp, length, sum(&ip->saddr, 8, htons(IPPROTO_TCP) + htons(length))));
}

int main(int argc, char **argv) {
  int fd, port, on = 1;
  double rate, seconds, began, t;
  uint32_t sent = 0, refused = 0;
  if (argc != 5 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
    fprintf(stderr, "usage: flood HOST PORT RATE SECONDS\n");
    return 2;
  }
  port = atoi(argv[2]);
  rate = atof(argv[3]) < RATE_MOST ? atof(argv[3]) : RATE_MOST;
  seconds = atof(argv[4]) < SECONDS_MOST ? atof(argv[4]) : SECONDS_MOST;
  fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof on) < 0) {
    fprintf(stderr, "flood: raw socket: %s\n", strerror(errno));
    return 1;
  }
  for (int i = 0; i < BATCH; i++) {
    pieces[i] = (struct iovec){.iov_base = packets[i], .iov_len = LENGTH};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &pieces[i], .msg_iovlen = 1};
  }
  for (began = t = now(); t - began < seconds; t = now()) {
    double due = (t - began) * rate - sent - refused;
    if (due < BATCH) {
      usleep(100);
      continue;
    }
    for (int i = 0; i < BATCH; i++) write_syn(packets[i], sent + refused + i, port);
    int n = sendmmsg(fd, messages, BATCH, 0);
    sent += n > 0 ? n : 0;
    refused += n > 0 ? BATCH - n : BATCH;
  }
  printf("{\"sent\":%u,\"refused\":%u,\"seconds\":%.3f}\n", sent, refused, t - began);
  return 0;
}
