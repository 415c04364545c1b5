/* What lwIP must be told of compiler and platform; its defaults for gcc on Linux are right for the rest. */
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <stdio.h>
#include <stdlib.h>

#define LWIP_RAND() ((u32_t)random())
#define LWIP_TIMEVAL_PRIVATE 0
#include <sys/time.h>

/* Standard output is the `ready` line's. */
#define LWIP_PLATFORM_ASSERT(message)                   \
  do {                                                  \
    fprintf(stderr, "lwip: %s (%s:%d)\n", message, __FILE__, __LINE__); \
    abort();                                            \
  } while (0)

#endif
