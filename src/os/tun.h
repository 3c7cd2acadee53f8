/*
 * os/tun.h - an interface whose other end is a file: whole IP packets, no frames.
 *
 * Read and write it with read() and write(), one packet a call; it does not
 * block. Checksums of packets read are complete: no offload is asked for.
 */
#ifndef PTN_OS_TUN_H
#define PTN_OS_TUN_H

#include "base/err.h"

/* Creates `name` (1 to 15 bytes) in the caller's network namespace, down and without
 * addresses; it lives as long as the descriptor. NOT_PERMITTED: no right to make
 * interfaces; NOT_FOUND: no /dev/net/tun; IN_USE: there is one of that name. */
enum ptn_err ptn_tun_open(const char *name, int *fd);

#endif
