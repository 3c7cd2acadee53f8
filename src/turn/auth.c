/*
 * turn/auth.c - challenges met with the strongest digest that both know.
 *
 * A nonce may begin with a cookie that says what the server has offered. Where the offer itself is
 * missing, somebody on the way has struck it out, so that the weaker digest be used.
 */
#include "turn/auth.h"

/* The best algorithm of the list that is ours; 0: none. */
static uint16_t best_algorithm(struct ptn_bytes list)
{
    struct ptn_bytes params;
    uint16_t number, best = 0;

    while (ptn_stun_next_algorithm(&list, &number, &params))
        if (params.size == 0 &&
            (number == PTN_STUN_ALGORITHM_SHA256 || (number == PTN_STUN_ALGORITHM_MD5 && !best)))
            best = number;
    return best;
}

bool ptn_turn_auth_learn(struct ptn_turn_auth *a, struct ptn_crypto *c,
                         const struct ptn_turn_user *user, const struct ptn_stun_msg *challenge)
{
    struct ptn_bytes realm, nonce, list = {0};
    uint32_t features = 0;
    uint16_t algorithm = PTN_STUN_ALGORITHM_MD5;

    if (!ptn_stun_get(challenge, PTN_STUN_REALM, &realm) || realm.size > sizeof a->realm ||
        !ptn_stun_get(challenge, PTN_STUN_NONCE, &nonce) || nonce.size == 0 ||
        nonce.size > sizeof a->nonce)
        return false;
    ptn_stun_nonce_features(nonce, &features);
    if (features & PTN_STUN_FEATURE_PASSWORD_ALGORITHMS) {
        if (!ptn_stun_get(challenge, PTN_STUN_PASSWORD_ALGORITHMS, &list) ||
            list.size > sizeof a->algorithms || (algorithm = best_algorithm(list)) == 0)
            return false;
    }
    *a = (struct ptn_turn_auth){.known = true,
                                .sha256 = list.size > 0,
                                .hashed = features & PTN_STUN_FEATURE_USER_ANONYMITY,
                                .algorithm = algorithm,
                                .realm_size = (uint16_t)realm.size,
                                .nonce_size = (uint16_t)nonce.size,
                                .algorithms_size = (uint16_t)list.size};
    if (realm.size)
        memcpy(a->realm, realm.data, realm.size);
    memcpy(a->nonce, nonce.data, nonce.size);
    if (list.size)
        memcpy(a->algorithms, list.data, list.size);
    a->key_size = (uint16_t)ptn_stun_long_term_key(c, (enum ptn_stun_password_algorithm)algorithm,
                                                   ptn_bytes_of_text(user->name), realm,
                                                   ptn_bytes_of_text(user->password), a->key);
    return true;
}

void ptn_turn_auth_seal(const struct ptn_turn_auth *a, struct ptn_crypto *c,
                        const struct ptn_turn_user *user, struct ptn_stun_out *o)
{
    struct ptn_bytes realm = ptn_bytes(a->realm, a->realm_size);
    struct ptn_bytes key = ptn_bytes(a->key, a->key_size);
    uint8_t hash[PTN_DIGEST_BYTES_MAX];

    if (!a->known)
        return;
    if (a->hashed) {
        ptn_stun_userhash(c, ptn_bytes_of_text(user->name), realm, hash);
        ptn_stun_put(o, PTN_STUN_USERHASH, ptn_bytes(hash, sizeof hash));
    } else {
        ptn_stun_put(o, PTN_STUN_USERNAME, ptn_bytes_of_text(user->name));
    }
    ptn_stun_put(o, PTN_STUN_REALM, realm);
    ptn_stun_put(o, PTN_STUN_NONCE, ptn_bytes(a->nonce, a->nonce_size));
    if (a->sha256) {
        ptn_stun_put(o, PTN_STUN_PASSWORD_ALGORITHMS, ptn_bytes(a->algorithms, a->algorithms_size));
        ptn_stun_put_algorithms(o, PTN_STUN_PASSWORD_ALGORITHM, &a->algorithm, 1);
        ptn_stun_put_integrity_sha256(o, c, key);
    } else {
        ptn_stun_put_integrity(o, c, key);
    }
}

enum ptn_stun_seal ptn_turn_auth_check(const struct ptn_turn_auth *a, struct ptn_crypto *c,
                                       const struct ptn_stun_msg *answer)
{
    struct ptn_bytes key = ptn_bytes(a->key, a->key_size);

    if (!a->known)
        return PTN_STUN_NO_SEAL;
    return a->sha256 ? ptn_stun_check_integrity_sha256(answer, c, key)
                     : ptn_stun_check_integrity(answer, c, key);
}
