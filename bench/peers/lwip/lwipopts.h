/*
 * lwIP as fast as it goes here: no system, no limits of memory that a run could meet, windows as large as the bandwidth
 * asks for. MTU is given by the compiler.
 */
#ifndef LWIP_LWIPOPTS_H
#define LWIP_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_SINGLE_NETIF 1
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_UDP 0
#define LWIP_RAW 0
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_IPV6_MLD 0
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_IPV6_REASS 0
#define LWIP_IPV6_FRAG 0

#define LWIP_TCP 1
#define TCP_MSS (MTU - 40)
#define LWIP_WND_SCALE 1
#if MTU > 9000
#define TCP_WND (2 * 1024 * 1024)
#define TCP_RCV_SCALE 6
#else
#define TCP_WND (512 * 1024)
#define TCP_RCV_SCALE 4
#endif
#define TCP_SND_BUF TCP_WND
#define TCP_SND_QUEUELEN (4 * (TCP_SND_BUF / TCP_MSS + 1))
#define TCP_QUEUE_OOSEQ 1
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_TIMESTAMPS 0

/* The fastest of its own checksums: a TUN device without offload wants them whole. */
#define LWIP_CHKSUM_ALGORITHM 3

#define MEM_ALIGNMENT 8
#define MEM_LIBC_MALLOC 1
#define MEMP_NUM_TCP_PCB 32768
#define MEMP_NUM_TCP_PCB_LISTEN 8
#define MEMP_NUM_TCP_SEG 65535
#define MEMP_NUM_PBUF 65535
/* A pool's element has at most 65,535 bytes with its head: a packet of a large MTU is in two of them. */
#if MTU > 9000
#define PBUF_POOL_BUFSIZE (MTU / 2 + 8)
#define PBUF_POOL_SIZE 1024
#else
#define PBUF_POOL_BUFSIZE MTU
#define PBUF_POOL_SIZE 16384
#endif

#define LWIP_STATS 1
#define LWIP_STATS_DISPLAY 0
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1

#endif
