/*
 * relay/auth.c - is it one of our users who asks? Long-term credentials (RFC 8489 §9.2).
 *
 * The first 401 goes to somebody who may have forged his address, so over UDP it holds as little as
 * a client needs: realm and a plain nonce, 76 bytes with a realm of 16. SHA-256 is
 * offered where that costs no victim anything: over connections, and to whoever gives a nonce of
 * ours back; `always_algorithms` offers it to all. A nonce with the cookie says that it was
 * offered, so that nobody on the way can strike it out unnoticed.
 */
#include "relay/answer.h"
#include "stun/seal.h"

#include <assert.h>

static const uint16_t algorithms[] = {PTN_STUN_ALGORITHM_SHA256, PTN_STUN_ALGORITHM_MD5};
/* The same as a value of PASSWORD-ALGORITHMS, to be given back to the letter. */
static const uint8_t algorithms_value[] = {0, PTN_STUN_ALGORITHM_SHA256, 0, 0,
                                           0, PTN_STUN_ALGORITHM_MD5,    0, 0};

/* A USERHASH can be found only among users whom we know beforehand. */
static uint32_t features(const struct ptn_relay *r)
{
    bool all_known = r->users.secret_count == 0 && !r->users.ask;
    return PTN_STUN_FEATURE_PASSWORD_ALGORITHMS | (all_known ? PTN_STUN_FEATURE_USER_ANONYMITY : 0);
}

static size_t padded(size_t size)
{
    return 4 + ((size + 3) & ~(size_t)3);
}

/* How long a challenge will be: asked before it costs a MAC. */
static size_t challenge_bytes(const struct ptn_relay *r, const struct ptn_relay_request *q,
                              unsigned code, bool offer)
{
    size_t size = PTN_STUN_HEADER_BYTES + padded(r->users.realm_size);

    if (ptn_stun_has(q->m, PTN_STUN_FINGERPRINT))
        size += padded(4);
    return offer ? size + padded(4 + strlen(ptn_stun_reason(code))) +
                       padded(PTN_RELAY_NONCE_BYTES_MAX) + padded(sizeof algorithms_value)
                 : size + padded(4) + padded(PTN_RELAY_NONCE_TEXT);
}

/* 401 or 438. `proven`: he has shown that he receives what is sent to his address. */
static enum ptn_relay_verdict challenge(struct ptn_relay *r, struct ptn_relay_request *q,
                                        unsigned code, enum ptn_relay_verdict v, bool proven)
{
    char nonce[PTN_RELAY_NONCE_BYTES_MAX];
    struct ptn_stun_out o;

    proven = proven || q->source->listener->is.transport != PTN_UDP;
    bool offer = proven || r->opts.turn.always_algorithms;
    if (!proven &&
        !ptn_relay_limits_ask_refusal(&r->limits, q->now, &q->source->from, q->m->bytes.size,
                                      challenge_bytes(r, q, code, offer)))
        return PTN_RELAY_OVER_BUDGET;
    size_t size = ptn_relay_nonce_make(&r->nonces, r->crypto, ptn_relay_wall_s(r, q->now),
                                       &q->source->from, offer ? features(r) : 0, nonce);
    ptn_relay_begin(q, &o, PTN_STUN_ERROR);
    if (offer)
        ptn_stun_put_error(&o, code);
    else
        ptn_stun_put_code(&o, code);
    ptn_stun_put(&o, PTN_STUN_REALM, ptn_bytes(r->users.realm, r->users.realm_size));
    ptn_stun_put(&o, PTN_STUN_NONCE, ptn_bytes(nonce, size));
    if (offer)
        ptn_stun_put_algorithms(&o, PTN_STUN_PASSWORD_ALGORITHMS, algorithms, 2);
    v = ptn_relay_finish(r, q, &o, v);
    assert(v == PTN_RELAY_NO_ROOM || q->out->bytes.size == challenge_bytes(r, q, code, offer));
    return v;
}

/* The algorithm that the client chose; false when its choice is none, or was tampered with. */
static bool read_algorithm(const struct ptn_stun_msg *m, uint32_t offered,
                           enum ptn_stun_password_algorithm *algorithm)
{
    struct ptn_bytes list = {0}, chosen = {0}, params;
    uint16_t number;
    bool has_list = ptn_stun_get(m, PTN_STUN_PASSWORD_ALGORITHMS, &list);
    bool has_chosen = ptn_stun_get(m, PTN_STUN_PASSWORD_ALGORITHM, &chosen);

    *algorithm = PTN_STUN_ALGORITHM_MD5;
    if (!has_list && !has_chosen)
        return true;
    if (!(offered & PTN_STUN_FEATURE_PASSWORD_ALGORITHMS) || !has_list || !has_chosen ||
        !ptn_bytes_equal(list, ptn_bytes(algorithms_value, sizeof algorithms_value)) ||
        !ptn_stun_next_algorithm(&chosen, &number, &params) || params.size > 0 ||
        (number != PTN_STUN_ALGORITHM_MD5 && number != PTN_STUN_ALGORITHM_SHA256))
        return false;
    *algorithm = (enum ptn_stun_password_algorithm)number;
    return true;
}

/* False when there is no such user. */
static bool read_name(const struct ptn_relay *r, struct ptn_relay_request *q)
{
    struct ptn_bytes userhash;

    if (ptn_stun_get(q->m, PTN_STUN_USERNAME, &q->name))
        return true;
    if (!ptn_stun_get(q->m, PTN_STUN_USERHASH, &userhash))
        return false;
    uint32_t row = ptn_relay_users_find_hash(&r->users, userhash);
    if (row == PTN_RELAY_NONE)
        return false;
    q->name = ptn_relay_user_name(&r->users.rows[row]);
    return true;
}

/* Whose credentials are good as long as his allocation is: of the client, or of the peer's
 * connection that he wants. */
static uint32_t holder_of(const struct ptn_relay *r, const struct ptn_relay_request *q)
{
    uint32_t alloc = q->alloc, number, row;

    if (q->m->method == PTN_STUN_CONNECTION_BIND &&
        ptn_stun_get_u32(q->m, PTN_STUN_CONNECTION_ID, &number) &&
        (row = ptn_relay_peer_conns_by_number(&r->peer_conns, number)) != PTN_RELAY_NONE)
        alloc = r->peer_conns.rows[row].alloc;
    return alloc == PTN_RELAY_NONE ? PTN_RELAY_NONE : r->allocs.rows[alloc].user;
}

static bool sealed_with(struct ptn_relay *r, struct ptn_relay_request *q,
                        const struct ptn_relay_key *key)
{
    struct ptn_bytes bytes = ptn_bytes(key->bytes, key->size);

    return (q->sealed_sha256
                ? ptn_stun_check_integrity_sha256(q->m, r->crypto, bytes)
                : ptn_stun_check_integrity(q->m, r->crypto, bytes)) == PTN_STUN_SEAL_GOOD;
}

/* Who guesses names makes work for others than us, and leaves no room for users. */
static bool ask(struct ptn_relay *r, const struct ptn_relay_request *q)
{
    if (!ptn_relay_limits_ask_lookup(&r->limits, q->now, &q->source->from) ||
        !ptn_relay_users_asked(&r->users, q->now, q->name))
        return false;
    ptn_relay_news_add(&r->news, &(struct ptn_relay_event){
                                     .kind = PTN_RELAY_USER_WANTED,
                                     .name = q->name,
                                     .realm = ptn_bytes(r->users.realm, r->users.realm_size)});
    return true;
}

/* The request waits; the program is asked unless it has been. */
static enum ptn_relay_verdict wait_for_user(struct ptn_relay *r, struct ptn_relay_request *q,
                                            bool asked)
{
    if (!asked && !ask(r, q)) /* a datagram comes again */
        return ptn_relay_is_stream(q->source->listener->is.transport) ? ptn_relay_refuse(r, q, 500)
                                                                      : PTN_RELAY_OVER_BUDGET;
    ptn_relay_waiting_add(&r->waiting, q->now, false, q->source->path, &q->source->from,
                          q->m->bytes);
    return PTN_RELAY_WAITING;
}

/* Takes as long for a name that is nobody's as for a wrong password, so that the time tells
 * nothing. */
static void look_busy(struct ptn_relay *r, struct ptn_relay_request *q)
{
    const struct ptn_relay_key nobodys = {.size = PTN_RELAY_MD5_BYTES};

    sealed_with(r, q, &nobodys);
}

static enum ptn_relay_verdict check_user(struct ptn_relay *r, struct ptn_relay_request *q,
                                         enum ptn_stun_password_algorithm algorithm)
{
    struct ptn_relay_key keys[PTN_RELAY_KEYS_MAX];
    size_t count;
    enum ptn_relay_lookup found =
        ptn_relay_users_keys(&r->users, q->now, ptn_relay_wall_s(r, q->now), q->name,
                             holder_of(r, q), algorithm, keys, &count);

    if (found == PTN_RELAY_LOOKUP_ASK || found == PTN_RELAY_LOOKUP_WAIT)
        return wait_for_user(r, q, found == PTN_RELAY_LOOKUP_WAIT);
    if (found == PTN_RELAY_LOOKUP_UNDECIDED)
        return ptn_relay_refuse(r, q, 500);
    if (count == 0)
        look_busy(r, q);
    for (size_t i = 0; i < count; i++)
        if (sealed_with(r, q, &keys[i])) {
            q->key = keys[i];
            if (found == PTN_RELAY_LOOKUP_KEYS_AGAIN)
                ask(r, q);
            return PTN_RELAY_GRANTED;
        }
    return challenge(r, q, 401, PTN_RELAY_UNAUTHENTICATED, true);
}

enum ptn_relay_verdict ptn_relay_authenticate(struct ptn_relay *r, struct ptn_relay_request *q)
{
    const struct ptn_stun_msg *m = q->m;
    enum ptn_stun_password_algorithm algorithm;
    struct ptn_bytes realm, nonce;
    uint32_t offered;

    q->sealed_sha256 = ptn_stun_has(m, PTN_STUN_MESSAGE_INTEGRITY_SHA256);
    if (!q->sealed_sha256 && !ptn_stun_has(m, PTN_STUN_MESSAGE_INTEGRITY))
        return challenge(r, q, 401, PTN_RELAY_CHALLENGED, false);
    if (!ptn_stun_get(m, PTN_STUN_REALM, &realm) || !ptn_stun_get(m, PTN_STUN_NONCE, &nonce) ||
        (!ptn_stun_has(m, PTN_STUN_USERNAME) && !ptn_stun_has(m, PTN_STUN_USERHASH)))
        return ptn_relay_refuse(r, q, 400);
    enum ptn_relay_nonce known = ptn_relay_nonce_check(
        &r->nonces, r->crypto, ptn_relay_wall_s(r, q->now), &q->source->from, nonce, &offered);
    if (known != PTN_RELAY_NONCE_GOOD)
        return challenge(r, q, 438, PTN_RELAY_STALE_NONCE, known == PTN_RELAY_NONCE_STALE);
    if (!read_algorithm(m, offered, &algorithm))
        return ptn_relay_refuse(r, q, 400);
    if (!ptn_bytes_equal(realm, ptn_bytes(r->users.realm, r->users.realm_size)) || !read_name(r, q))
        return challenge(r, q, 401, PTN_RELAY_UNAUTHENTICATED, true);
    return check_user(r, q, algorithm);
}
