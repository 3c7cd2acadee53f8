/*
 * sip/body.h - the part of a body that is of a kind: all of it, or one of several. RFC 2046, 5621.
 */
#ifndef PTN_SIP_BODY_H
#define PTN_SIP_BODY_H

#include "sip/msg.h"

/* `data` NULL where there is none; of several the first. */
struct ptn_bytes ptn_sip_body_part(const struct ptn_sip_in *in, const char *type,
                                   const char *subtype);

#endif
