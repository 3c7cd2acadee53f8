/*
 * relay/answer.c - seals, fingerprints, error codes.
 */
#include "relay/answer.h"

#include <assert.h>

#include "stun/seal.h"

void ptn_relay_begin(const struct ptn_relay_request *q, struct ptn_stun_out *o,
                     enum ptn_stun_class class)
{
    ptn_stun_begin(o, q->out->buf, q->out->capacity, class, q->m->method, &q->m->id);
}

enum ptn_relay_verdict ptn_relay_finish(struct ptn_relay *r, struct ptn_relay_request *q,
                                        struct ptn_stun_out *o, enum ptn_relay_verdict v)
{
    struct ptn_bytes key = ptn_bytes(q->key.bytes, q->key.size), message;

    if (key.size > 0 && q->sealed_sha256)
        ptn_stun_put_integrity_sha256(o, r->crypto, key);
    else if (key.size > 0)
        ptn_stun_put_integrity(o, r->crypto, key);
    if (ptn_stun_has(q->m, PTN_STUN_FINGERPRINT))
        ptn_stun_put_fingerprint(o);
    if (!ptn_stun_end(o, &message))
        return PTN_RELAY_NO_ROOM;
    q->out->socket = q->source->path;
    q->out->to = q->source->from;
    q->out->bytes = message;
    return v;
}

static enum ptn_relay_verdict verdict_of(unsigned code)
{
    switch (code) {
    case 300: return PTN_RELAY_TRY_ALTERNATE;
    case 400: return PTN_RELAY_BAD_REQUEST;
    case 403: return PTN_RELAY_FORBIDDEN;
    case 437: return PTN_RELAY_MISMATCH;
    case 440: return PTN_RELAY_FAMILY_UNSUPPORTED;
    case 441: return PTN_RELAY_WRONG_CREDENTIALS;
    case 442: return PTN_RELAY_TRANSPORT_UNSUPPORTED;
    case 443: return PTN_RELAY_PEER_FAMILY;
    case 446: return PTN_RELAY_CONN_EXISTS;
    case 447: return PTN_RELAY_CONN_FAILED;
    case 486: return PTN_RELAY_QUOTA;
    case 500: return PTN_RELAY_UNDECIDED;
    default: assert(code == 508); return PTN_RELAY_CAPACITY;
    }
}

enum ptn_relay_verdict ptn_relay_refuse(struct ptn_relay *r, struct ptn_relay_request *q,
                                        unsigned code)
{
    struct ptn_stun_out o;

    ptn_relay_begin(q, &o, PTN_STUN_ERROR);
    ptn_stun_put_error(&o, code);
    return ptn_relay_finish(r, q, &o, verdict_of(code));
}

bool ptn_relay_to_client(struct ptn_relay *r, const struct ptn_relay_alloc *alloc,
                         struct ptn_bytes bytes, struct ptn_relay_out *out)
{
    out->socket = alloc->path;
    out->to = alloc->client;
    out->bytes = bytes;
    if (!ptn_relay_is_stream((enum ptn_transport)alloc->transport))
        return true;
    bool put = ptn_relay_queue_put(&r->queue, PTN_ASK_STREAM, out);
    out->bytes = ptn_bytes(NULL, 0);
    return put;
}
