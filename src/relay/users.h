/*
 * relay/users.h - who may use the relay, and with which key.
 *
 * A row for each user of the settings, for each whom the program looked up (for a while)
 * and for each who has an allocation: names stand here once, allocations hold a row number. Users
 * by use-auth-secret have no row until they have an allocation; their password follows
 * from their name and a secret.
 */
#ifndef PTN_RELAY_USERS_H
#define PTN_RELAY_USERS_H

#include "base/hash.h"
#include "crypto/crypto.h"
#include "relay/pool.h"
#include "stun/attr.h"

enum {
    PTN_RELAY_PASSWORD_BYTES = 28, /* base64 of an HMAC-SHA1 */
    PTN_RELAY_MD5_BYTES = 16,
    PTN_RELAY_SHA256_BYTES = 32,
};

enum ptn_relay_user_kind {
    PTN_RELAY_USER_NONE, /* not one who may come anew; kept for his allocations */
    PTN_RELAY_USER_STATIC,
    PTN_RELAY_USER_FOUND,     /* the program said so; until `until` */
    PTN_RELAY_USER_ABSENT,    /* the program does not know him; until `until` */
    PTN_RELAY_USER_ASKED,     /* the program has been asked; until `until` */
    PTN_RELAY_USER_UNDECIDED, /* it could not find out; until `until` */
};

struct ptn_relay_user_row {
    uint8_t kind;
    bool md5_known, sha256_known;
    bool was_found; /* the keys are what the program said last */
    bool by_secret; /* they follow from a secret, and the name's time may be over */
    uint8_t name_size;
    char name[PTN_RELAY_USER_BYTES];
    uint8_t md5[PTN_RELAY_MD5_BYTES], sha256[PTN_RELAY_SHA256_BYTES];
    uint32_t refs;         /* allocations */
    uint32_t userhash_key; /* in the index by USERHASH; 0: not there */
    ptn_time until;
};

struct ptn_relay_users {
    struct ptn_crypto *crypto; /* borrowed */
    struct ptn_relay_user_row *rows;
    struct ptn_relay_pool pool;
    struct ptn_hash by_name, by_userhash;
    uint32_t hash_key;
    uint32_t sweep; /* where the search for an old row goes on */
    char realm[PTN_RELAY_REALM_BYTES + 1];
    size_t realm_size;
    struct {
        uint8_t bytes[PTN_RELAY_SECRET_BYTES];
        size_t size;
    } secrets[PTN_RELAY_SECRETS_MAX];
    size_t secret_count;
    bool ask;
    ptn_time kept;
};

/* A key that may be the user's. */
struct ptn_relay_key {
    uint8_t bytes[PTN_DIGEST_BYTES_MAX];
    size_t size;
    uint32_t row; /* or NONE: from a secret, with this password */
    char password[PTN_RELAY_PASSWORD_BYTES];
};

enum { PTN_RELAY_KEYS_MAX = PTN_RELAY_SECRETS_MAX + 1 };

enum ptn_relay_lookup {
    PTN_RELAY_LOOKUP_KEYS,       /* try these */
    PTN_RELAY_LOOKUP_KEYS_AGAIN, /* the same, but he may have been removed: ask again */
    PTN_RELAY_LOOKUP_ABSENT,     /* no such user */
    PTN_RELAY_LOOKUP_ASK,        /* the program must be asked, now */
    PTN_RELAY_LOOKUP_WAIT,       /* it has been */
    PTN_RELAY_LOOKUP_UNDECIDED,  /* it has been, and could not find out */
};

/* OK or NO_MEMORY. `max` rows beside the static users'. */
enum ptn_err ptn_relay_users_init(struct ptn_relay_users *u, const struct ptn_relay_turn *turn,
                                  uint32_t max, struct ptn_crypto *crypto, struct ptn_dice *dice);
void ptn_relay_users_fini(struct ptn_relay_users *u);

/* Other users and secrets. Rows with allocations stay. OK, NO_ROOM or NO_MEMORY. */
enum ptn_err ptn_relay_users_change(struct ptn_relay_users *u, const struct ptn_relay_turn *turn);

/* True when anybody may come. */
bool ptn_relay_users_any(const struct ptn_relay_users *u);

/* Row of the name, or NONE. */
uint32_t ptn_relay_users_find(const struct ptn_relay_users *u, struct ptn_bytes name);

/* Row of a static or found user by the value of USERHASH, or NONE. */
uint32_t ptn_relay_users_find_hash(const struct ptn_relay_users *u, struct ptn_bytes userhash);

/* The keys of `name`. `holder`: the row of an allocation that this client has, or NONE; its keys
 * hold as long as it does, unless somebody removed the user. ASK and KEYS_AGAIN:
 * ptn_relay_users_asked() comes next. */
enum ptn_relay_lookup ptn_relay_users_keys(struct ptn_relay_users *u, ptn_time now, int64_t wall_s,
                                           struct ptn_bytes name, uint32_t holder,
                                           enum ptn_stun_password_algorithm algorithm,
                                           struct ptn_relay_key keys[static PTN_RELAY_KEYS_MAX],
                                           size_t *count);

/* The program is asked now. False: there is no row for one more who may be nobody. */
bool ptn_relay_users_asked(struct ptn_relay_users *u, ptn_time now, struct ptn_bytes name);

/* What the program found out. */
void ptn_relay_users_found(struct ptn_relay_users *u, ptn_time now,
                           const struct ptn_relay_user *user);

/* That it could not. Keys that it found earlier are good again, for a short time. */
void ptn_relay_users_undecided(struct ptn_relay_users *u, ptn_time now, struct ptn_bytes name);

/* A row for an allocation of him whose `key` was the right one; NONE when all are taken. */
uint32_t ptn_relay_users_hold(struct ptn_relay_users *u, ptn_time now, struct ptn_bytes name,
                              const struct ptn_relay_key *key);
void ptn_relay_users_release(struct ptn_relay_users *u, uint32_t row);

/* Of a name, without the time in it if it has one; not 0, and the same at all workers. */
uint64_t ptn_relay_users_tag(struct ptn_relay_users *u, struct ptn_bytes name);

static inline struct ptn_bytes ptn_relay_user_name(const struct ptn_relay_user_row *row)
{
    return ptn_bytes(row->name, row->name_size);
}

#endif
