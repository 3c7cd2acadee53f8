/*
 * turn/answer.c - what the server says, and what follows from it.
 *
 * An answer with a seal that is not the server's is none. One without a seal is believed when it is
 * an error only: servers do not seal what they say before they know us, some never do, and who
 * wants to forge one must guess the request's id.
 */
#include "turn/inside.h"

enum { STALE_MAX = 3, LIFETIME_MAX_S = 86400 };

static struct ptn_turn_failure refusal(unsigned code)
{
    static const struct {
        unsigned code;
        enum ptn_turn_why why;
    } whys[] = {
        {300, PTN_TURN_SENT_IN_CIRCLES},
        {400, PTN_TURN_NOT_UNDERSTOOD},
        {401, PTN_TURN_WRONG_CREDENTIALS},
        {403, PTN_TURN_FORBIDDEN},
        {420, PTN_TURN_NOT_UNDERSTOOD},
        {437, PTN_TURN_FORGOTTEN},
        {440, PTN_TURN_NO_FAMILY},
        {441, PTN_TURN_WRONG_CREDENTIALS},
        {442, PTN_TURN_NO_TRANSPORT},
        {486, PTN_TURN_QUOTA},
        {508, PTN_TURN_FULL},
    };

    for (size_t i = 0; i < sizeof whys / sizeof *whys; i++)
        if (whys[i].code == code)
            return (struct ptn_turn_failure){.why = whys[i].why, .code = code};
    return (struct ptn_turn_failure){.why = PTN_TURN_REFUSED, .code = code};
}

/* 401 to whom had not said who he is (or what another address of ours had learnt), or 438: true
 * when the same can be asked again, sealed anew. */
static bool learn(struct ptn_turn *t, ptn_time now, const struct ptn_stun_msg *m, unsigned code)
{
    if (code == 401 && t->challenged) {
        ptn_turn_fail(t, now, refusal(401));
        return false;
    }
    t->stale += code == 438;
    if (t->stale > STALE_MAX || !ptn_turn_auth_learn(&t->auth, t->opts.crypto, t->opts.user, m)) {
        ptn_turn_fail(t, now,
                      (struct ptn_turn_failure){.why = PTN_TURN_NO_CHALLENGE, .code = code});
        return false;
    }
    t->challenged = true;
    return true;
}

static void sent_elsewhere(struct ptn_turn *t, ptn_time now, const struct ptn_stun_msg *m)
{
    struct ptn_addr server;

    if (t->sent_on || !ptn_stun_get_addr(m, PTN_STUN_ALTERNATE_SERVER, &server) ||
        server.family != t->opts.local.family || server.port == 0 ||
        ptn_addr_equal(&server, &t->at.server))
        ptn_turn_fail(t, now, refusal(300));
    else
        ptn_turn_send_on(t, now, &server);
}

static void allocated(struct ptn_turn *t, ptn_time now, const struct ptn_stun_msg *m)
{
    struct ptn_addr relayed;
    uint32_t lifetime_s;

    if (!ptn_stun_get_addr(m, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed) || relayed.port == 0 ||
        relayed.family != t->opts.local.family ||
        !ptn_stun_get_u32(m, PTN_STUN_LIFETIME, &lifetime_s) || lifetime_s == 0) {
        ptn_turn_fail(t, now, (struct ptn_turn_failure){.why = PTN_TURN_NONSENSE});
        return;
    }
    ptn_turn_stand(t, now, &relayed);
    ptn_turn_renewed(t, now, lifetime_s < LIFETIME_MAX_S ? lifetime_s : LIFETIME_MAX_S);
}

/* The server holds one for us of which we know nothing: of a phone that was killed, from the same
 * port. It is ours to give back, and then to ask anew. */
static void clear(struct ptn_turn *t, ptn_time now)
{
    t->clears = t->began_anew = true;
    ptn_turn_ask_again(t, now);
}

static void to_allocate(struct ptn_turn *t, ptn_time now, const struct ptn_stun_msg *m,
                        unsigned code)
{
    if (t->clears) { /* whatever it says: the next Allocate will show */
        t->clears = false;
        ptn_turn_ask_again(t, now);
    } else if (code == 0) {
        allocated(t, now, m);
    } else if (code == 300) {
        sent_elsewhere(t, now, m);
    } else if (code == 437 && !t->began_anew) {
        clear(t, now);
    } else {
        ptn_turn_fail(t, now, refusal(code));
    }
}

static void to_refresh(struct ptn_turn *t, ptn_time now, const struct ptn_stun_msg *m,
                       unsigned code)
{
    uint32_t lifetime_s;

    if (code != 0) {
        struct ptn_turn_failure f = refusal(code);
        /* Of a user whom it does not let in any more, or who is another now: gone as well. */
        if (f.why != PTN_TURN_WRONG_CREDENTIALS && f.why != PTN_TURN_FORBIDDEN)
            f.why = PTN_TURN_FORGOTTEN;
        ptn_turn_fail(t, now, f);
        return;
    }
    if (!ptn_stun_get_u32(m, PTN_STUN_LIFETIME, &lifetime_s) || lifetime_s == 0) {
        ptn_turn_fail(t, now, (struct ptn_turn_failure){.why = PTN_TURN_FORGOTTEN});
        return;
    }
    ptn_turn_renewed(t, now, lifetime_s < LIFETIME_MAX_S ? lifetime_s : LIFETIME_MAX_S);
}

static void to_main(struct ptn_turn *t, ptn_time now, const struct ptn_stun_msg *m, unsigned code)
{
    ptn_stun_txn_stop(&t->txn, now, NULL);
    t->to_send = false;
    if (code == 438 || (code == 401 && t->state != PTN_TURN_STANDS)) {
        if (learn(t, now, m, code))
            ptn_turn_ask_again(t, now);
        return;
    }
    switch (t->state) {
    case PTN_TURN_ASKING: to_allocate(t, now, m, code); break;
    case PTN_TURN_STANDS: to_refresh(t, now, m, code); break;
    case PTN_TURN_LEAVING: ptn_turn_left(t, now); break;
    case PTN_TURN_IDLE:
    case PTN_TURN_CONNECTING:
    case PTN_TURN_RESTING: break;
    }
}

static void to_peer(struct ptn_turn *t, ptn_time now, struct ptn_turn_peer *row,
                    const struct ptn_stun_msg *m, unsigned code)
{
    struct ptn_addr peer = row->addr;

    if ((code == 401 || code == 438) && !learn(t, now, m, code))
        return;
    switch (ptn_turn_peer_answered(row, now, code, &t->opts.dice)) {
    case PTN_TURN_PEER_FINE: t->stale = 0; break;
    case PTN_TURN_PEER_AGAIN: break;
    case PTN_TURN_PEER_REFUSES: {
        struct ptn_turn_event *ev = ptn_turn_tell(t, PTN_TURN_PEER_REFUSED);
        ev->peer = peer;
        ev->code = code;
        break;
    }
    case PTN_TURN_PEER_MISMATCH: ptn_turn_fail(t, now, refusal(437)); break;
    }
}

/* Success must be sealed; see above for errors. */
static bool is_genuine(struct ptn_turn *t, const struct ptn_stun_msg *m)
{
    enum ptn_stun_seal seal = ptn_turn_auth_check(&t->auth, t->opts.crypto, m);
    unsigned code = 0;
    struct ptn_bytes reason;

    if (m->class == PTN_STUN_SUCCESS)
        return seal == PTN_STUN_SEAL_GOOD || (seal == PTN_STUN_NO_SEAL && !t->auth.known);
    /* A challenge may be sealed with what we do not know yet. */
    ptn_stun_get_error(m, &code, &reason);
    return seal != PTN_STUN_SEAL_BROKEN || code == 401 || code == 438;
}

enum ptn_turn_verdict ptn_turn_answered(struct ptn_turn *t, ptn_time now,
                                        const struct ptn_stun_msg *m)
{
    bool to_us = t->txn.due != PTN_NEVER && ptn_stun_id_equal(&t->id, &m->id);
    struct ptn_turn_peer *row =
        to_us || t->state != PTN_TURN_STANDS ? NULL : ptn_turn_peers_by_id(&t->peers, &m->id);
    struct ptn_bytes reason;
    unsigned code = 0;
    uint16_t unknown;

    if (!to_us && !row)
        return PTN_TURN_NOT_OURS;
    if (m->class == PTN_STUN_ERROR && !ptn_stun_get_error(m, &code, &reason))
        return PTN_TURN_MALFORMED;
    if (!is_genuine(t, m))
        return PTN_TURN_BROKEN_SEAL;
    const uint64_t ours = PTN_STUN_UNDERSTOOD | UINT64_C(1) << PTN_STUN_LIFETIME |
                          UINT64_C(1) << PTN_STUN_XOR_RELAYED_ADDRESS |
                          UINT64_C(1) << PTN_STUN_RESERVATION_TOKEN;
    if (ptn_stun_unknown(m, ours, &unknown, 1) > 0)
        return PTN_TURN_MALFORMED;
    if (row)
        to_peer(t, now, row, m, code);
    else
        to_main(t, now, m, code);
    return PTN_TURN_CONTROL;
}
