/*
 * sip/libre.h - the part of libre that Postern uses: messages, URIs, parameters.
 *
 * Only the codec. libre's transports, transactions, HTTP and websocket stay out, and
 * so does its SDP parser: measured, it reads port 70000 as 4464, "49170/2" as refused and a
 * host name as 0.0.0.0, which means hold.
 */
#ifndef PTN_SIP_LIBRE_H
#define PTN_SIP_LIBRE_H

/* libre's headers need each other in this order. */
/* clang-format off */
#include <re_types.h>
#include <re_fmt.h>
#include <re_mem.h>
#include <re_mbuf.h>
#include <re_list.h>
#include <re_sa.h>
#include <re_uri.h>
#include <re_msg.h>
#include <re_sip.h>
/* clang-format on */

/* For "%.*s": a libre view of text. */
#define PTN_PL(pl) (int)(pl).l, (pl).p ? (pl).p : ""

#endif
