/*
 * sip/syntax.h - the form of a message: what libre's parser lets pass and RFC 3261 does not,
 * and how a request whose first line is broken is still answered. RFC 3261 §7, §8.1.1.
 */
#ifndef PTN_SIP_SYNTAX_H
#define PTN_SIP_SYNTAX_H

#include "sip/msg.h"

/* TAKEN; NOT_SIP: what an answer is made of is missing; BAD_HEADER: a request is to be refused. */
enum ptn_sip_verdict ptn_sip_syntax_judge(const struct ptn_sip_in *in);

/* Of a request that libre cannot read, perhaps for its first line only: the same request with a
 * first line that can be read, and the status it is to be refused with. NULL: it is no request. */
struct mbuf *ptn_sip_syntax_mend(struct ptn_bytes bytes, unsigned *status);

#endif
