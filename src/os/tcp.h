/*
 * os/tcp.h - stream sockets, non-blocking.
 *
 * Listening on a port and connecting out from the same one is what a phone with
 * a fixed source port does; Linux allows it only when every socket concerned has
 * SO_REUSEADDR and SO_REUSEPORT, so all of ours do.
 */
#ifndef PTN_OS_TCP_H
#define PTN_OS_TCP_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"

/* `bound` gets the real port. Another program's listener on the same address and port is
 * PTN_ERR_IN_USE even when it would share the port; not when this one is `joining` others of
 * this program. */
enum ptn_err ptn_tcp_listen(const struct ptn_addr *local, bool joining, int *fd,
                            struct ptn_addr *bound);

/* The next connection that came in. PTN_ERR_NOT_FOUND: none waits; PTN_ERR_NO_ROOM and others: one
 * does, but cannot be had now. */
enum ptn_err ptn_tcp_accept(int listener, int *fd, struct ptn_addr *local, struct ptn_addr *from);

/* Begins to connect from `local` (none: the kernel chooses; port 0: any). Once the socket can be
 * written, ptn_tcp_result() says how it went. */
enum ptn_err ptn_tcp_connect(const struct ptn_addr *local, const struct ptn_addr *to, uint8_t dscp,
                             int *fd);
enum ptn_err ptn_tcp_result(int fd);

/* Has the far end acknowledged everything that was written? */
bool ptn_tcp_is_drained(int fd);

/* Closes with a reset: nothing remains in the kernel that would hold the port. A socket whose NAT
 * went dark would hold it for half a minute otherwise. */
void ptn_tcp_abort(int fd);

#endif
