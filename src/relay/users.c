/*
 * relay/users.c - rows of users, found by name and by USERHASH.
 *
 * A row is free when its name is empty. It lives as long as anything wants it: the settings, the
 * answer of a look-up that is still good, or an allocation.
 */
#include "relay/users.h"

#include <assert.h>

#include "stun/cred.h"

#define KEPT_DEFAULT PTN_S(60)
#define ABSENT_KEPT PTN_S(5) /* a new user may be made at any moment */
#define ASKED_KEPT PTN_S(2)  /* then the program is asked again */
#define UNDECIDED_KEPT PTN_S(1)
#define TAKEN_ON_TRUST PTN_S(5) /* found earlier, and cannot be asked for now */
enum {
    SPARE_ROWS = 4096,
    SWEEP_STEPS = 64,
    /* So many users are remembered beyond their time, for when nobody can be asked. */
    SWEEP_FROM = SPARE_ROWS / 2,
};

static uint32_t key_of_name(const struct ptn_relay_users *u, struct ptn_bytes name)
{
    uint32_t key = u->hash_key;

    for (size_t at = 0; at < name.size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, name.data + at, name.size - at < 8 ? name.size - at : 8);
        key = ptn_hash_word(key, word);
    }
    return ptn_hash_word(key, name.size);
}

static struct ptn_bytes realm_of(const struct ptn_relay_users *u)
{
    return ptn_bytes(u->realm, u->realm_size);
}

/* ---- rows ---- */

static uint32_t userhash_key(const struct ptn_relay_users *u, struct ptn_bytes userhash)
{
    uint64_t word;

    memcpy(&word, userhash.data, sizeof word);
    return ptn_hash_word(u->hash_key, word) | 1;
}

static void index_userhash(struct ptn_relay_users *u, uint32_t row)
{
    struct ptn_relay_user_row *user = &u->rows[row];
    uint8_t hash[PTN_DIGEST_BYTES_MAX];

    if (user->userhash_key)
        return;
    ptn_stun_userhash(u->crypto, ptn_relay_user_name(user), realm_of(u), hash);
    user->userhash_key = userhash_key(u, ptn_bytes(hash, sizeof hash));
    ptn_hash_add(&u->by_userhash, user->userhash_key, row);
}

static void remove_row(struct ptn_relay_users *u, uint32_t row)
{
    struct ptn_relay_user_row *user = &u->rows[row];

    ptn_hash_remove(&u->by_name, key_of_name(u, ptn_relay_user_name(user)), row);
    if (user->userhash_key)
        ptn_hash_remove(&u->by_userhash, user->userhash_key, row);
    memset(user, 0, sizeof *user); /* no keys are left lying about */
    ptn_relay_pool_give(&u->pool, row);
}

static bool is_over(const struct ptn_relay_user_row *user, ptn_time now)
{
    return user->name_size > 0 && user->refs == 0 && user->kind != PTN_RELAY_USER_STATIC &&
           (user->kind == PTN_RELAY_USER_NONE || user->until <= now);
}

/* Looks at some rows, a few more each time: all are seen in the course of a full table. */
static void sweep(struct ptn_relay_users *u, ptn_time now)
{
    for (unsigned i = 0; i < SWEEP_STEPS && u->pool.touched > 0; i++) {
        u->sweep = (u->sweep + 1) % u->pool.touched;
        if (is_over(&u->rows[u->sweep], now))
            remove_row(u, u->sweep);
    }
}

static uint32_t add_row(struct ptn_relay_users *u, ptn_time now, struct ptn_bytes name)
{
    if (name.size == 0 || name.size > PTN_RELAY_USER_BYTES)
        return PTN_RELAY_NONE;
    if (u->pool.count >= SWEEP_FROM)
        sweep(u, now);
    uint32_t row = ptn_relay_pool_take(&u->pool);
    if (row == PTN_RELAY_NONE)
        return row;
    u->rows[row] = (struct ptn_relay_user_row){.name_size = (uint8_t)name.size};
    memcpy(u->rows[row].name, name.data, name.size);
    ptn_hash_add(&u->by_name, key_of_name(u, name), row);
    return row;
}

uint32_t ptn_relay_users_find(const struct ptn_relay_users *u, struct ptn_bytes name)
{
    uint32_t at = ptn_hash_first(&u->by_name, key_of_name(u, name));

    for (; at; at = ptn_hash_next(&u->by_name, at))
        if (ptn_bytes_equal(ptn_relay_user_name(&u->rows[at - 1]), name))
            return at - 1;
    return PTN_RELAY_NONE;
}

uint32_t ptn_relay_users_find_hash(const struct ptn_relay_users *u, struct ptn_bytes userhash)
{
    uint8_t hash[PTN_DIGEST_BYTES_MAX];

    if (userhash.size != PTN_RELAY_SHA256_BYTES)
        return PTN_RELAY_NONE;
    uint32_t key = userhash_key(u, userhash), at = ptn_hash_first(&u->by_userhash, key);
    for (; at; at = ptn_hash_next(&u->by_userhash, at)) {
        if (u->rows[at - 1].userhash_key != key)
            continue;
        ptn_stun_userhash(u->crypto, ptn_relay_user_name(&u->rows[at - 1]), realm_of(u), hash);
        if (ptn_bytes_equal(userhash, ptn_bytes(hash, sizeof hash)))
            return at - 1;
    }
    return PTN_RELAY_NONE;
}

static void set_keys(struct ptn_relay_users *u, struct ptn_relay_user_row *row,
                     struct ptn_bytes password, struct ptn_bytes key)
{
    uint8_t out[PTN_DIGEST_BYTES_MAX];
    struct ptn_bytes name = ptn_relay_user_name(row);

    row->md5_known = key.size == PTN_RELAY_MD5_BYTES || key.size == 0;
    row->sha256_known = key.size == PTN_RELAY_SHA256_BYTES || key.size == 0;
    if (key.size == PTN_RELAY_MD5_BYTES) {
        memcpy(row->md5, key.data, key.size);
    } else if (key.size == PTN_RELAY_SHA256_BYTES) {
        memcpy(row->sha256, key.data, key.size);
    } else {
        ptn_stun_long_term_key(u->crypto, PTN_STUN_ALGORITHM_MD5, name, realm_of(u), password, out);
        memcpy(row->md5, out, sizeof row->md5);
        ptn_stun_long_term_key(u->crypto, PTN_STUN_ALGORITHM_SHA256, name, realm_of(u), password,
                               out);
        memcpy(row->sha256, out, sizeof row->sha256);
    }
}

/* ---- settings ---- */

static void set_static_users(struct ptn_relay_users *u, const struct ptn_relay_turn *turn)
{
    for (uint32_t row = 0; row < u->pool.touched; row++)
        if (u->rows[row].kind == PTN_RELAY_USER_STATIC)
            u->rows[row].kind = PTN_RELAY_USER_NONE;
    for (size_t i = 0; i < turn->user_count; i++) {
        const struct ptn_relay_user *user = &turn->users[i];
        uint32_t row = ptn_relay_users_find(u, user->name);
        if (row == PTN_RELAY_NONE)
            row = add_row(u, PTN_NEVER, user->name);
        assert(row != PTN_RELAY_NONE);
        u->rows[row].kind = PTN_RELAY_USER_STATIC;
        u->rows[row].was_found = u->rows[row].by_secret = false;
        set_keys(u, &u->rows[row], user->password, user->key);
        index_userhash(u, row);
    }
    for (uint32_t row = 0; row < u->pool.touched; row++)
        if (is_over(&u->rows[row], PTN_NEVER))
            remove_row(u, row);
}

/* Before anything is changed: is there room for all of it? */
static bool fits(const struct ptn_relay_users *u, const struct ptn_relay_turn *turn)
{
    size_t fresh = 0;

    if (turn->secret_count > PTN_RELAY_SECRETS_MAX)
        return false;
    for (size_t i = 0; i < turn->secret_count; i++)
        if (turn->secrets[i].size > PTN_RELAY_SECRET_BYTES)
            return false;
    for (size_t i = 0; i < turn->user_count; i++) {
        struct ptn_bytes name = turn->users[i].name;
        if (name.size == 0 || name.size > PTN_RELAY_USER_BYTES)
            return false;
        fresh += ptn_relay_users_find(u, name) == PTN_RELAY_NONE;
    }
    return fresh <= u->pool.max - u->pool.count;
}

enum ptn_err ptn_relay_users_change(struct ptn_relay_users *u, const struct ptn_relay_turn *turn)
{
    if (!fits(u, turn))
        return PTN_ERR_NO_ROOM;
    set_static_users(u, turn);
    memset(u->secrets, 0, sizeof u->secrets);
    u->secret_count = turn->secret_count;
    for (size_t i = 0; i < turn->secret_count; i++) {
        u->secrets[i].size = turn->secrets[i].size;
        memcpy(u->secrets[i].bytes, turn->secrets[i].data, turn->secrets[i].size);
    }
    u->ask = turn->ask_for_users;
    u->kept = turn->user_kept ? turn->user_kept : KEPT_DEFAULT;
    return PTN_OK;
}

enum ptn_err ptn_relay_users_init(struct ptn_relay_users *u, const struct ptn_relay_turn *turn,
                                  uint32_t max, struct ptn_crypto *crypto, struct ptn_dice *dice)
{
    uint32_t rows = max + 2 * (uint32_t)turn->user_count + SPARE_ROWS;

    *u = (struct ptn_relay_users){.crypto = crypto, .hash_key = (uint32_t)ptn_dice_u64(dice)};
    u->realm_size = turn->realm ? strlen(turn->realm) : 0;
    if (u->realm_size >= sizeof u->realm)
        return PTN_ERR_NO_ROOM;
    memcpy(u->realm, turn->realm ? turn->realm : "", u->realm_size);
    u->rows = calloc(rows, sizeof *u->rows);
    if (!u->rows || ptn_relay_pool_init(&u->pool, rows) != PTN_OK ||
        ptn_hash_init(&u->by_name, rows) != PTN_OK ||
        ptn_hash_init(&u->by_userhash, rows) != PTN_OK)
        return PTN_ERR_NO_MEMORY;
    return ptn_relay_users_change(u, turn);
}

void ptn_relay_users_fini(struct ptn_relay_users *u)
{
    free(u->rows);
    ptn_relay_pool_fini(&u->pool);
    ptn_hash_fini(&u->by_name);
    ptn_hash_fini(&u->by_userhash);
    *u = (struct ptn_relay_users){0};
}

bool ptn_relay_users_any(const struct ptn_relay_users *u)
{
    return u->pool.count > 0 || u->secret_count > 0 || u->ask;
}

/* ---- keys ---- */

static bool row_key(const struct ptn_relay_users *u, uint32_t row,
                    enum ptn_stun_password_algorithm algorithm, struct ptn_relay_key *key)
{
    const struct ptn_relay_user_row *user = &u->rows[row];
    bool sha256 = algorithm == PTN_STUN_ALGORITHM_SHA256;

    if (!(sha256 ? user->sha256_known : user->md5_known))
        return false;
    key->row = row;
    key->size = sha256 ? PTN_RELAY_SHA256_BYTES : PTN_RELAY_MD5_BYTES;
    memcpy(key->bytes, sha256 ? user->sha256 : user->md5, key->size);
    return true;
}

static bool is_number(struct ptn_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > 0 && text.size <= 12;
}

/* "1712345678:name" or "name:1712345678" or the number alone: until when the name is good. */
static bool time_in_name(struct ptn_bytes name, int64_t *until_s, struct ptn_bytes *rest)
{
    const uint8_t *colon = name.size ? memchr(name.data, ':', name.size) : NULL;
    struct ptn_bytes number = name;

    *rest = name;
    if (colon) {
        number.size = (size_t)(colon - name.data);
        *rest = ptn_bytes(colon + 1, name.size - number.size - 1);
        if (!is_number(number)) {
            struct ptn_bytes first = number;
            number = *rest;
            *rest = first;
        }
    }
    if (!is_number(number))
        return false;
    *until_s = 0;
    for (size_t i = 0; i < number.size; i++)
        *until_s = *until_s * 10 + (number.data[i] - '0');
    return true;
}

/* The password of a name: base64 of HMAC-SHA1 with the secret as its key. */
static void password_of(struct ptn_relay_users *u, size_t secret, struct ptn_bytes name,
                        char out[static PTN_RELAY_PASSWORD_BYTES])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t mac[PTN_DIGEST_BYTES_MAX];

    ptn_crypto_hmac(u->crypto, PTN_SHA1,
                    ptn_bytes(u->secrets[secret].bytes, u->secrets[secret].size), &name, 1, mac);
    mac[20] = 0; /* 20 bytes are six groups of three and one of two */
    for (unsigned i = 0; i < 7; i++) {
        unsigned word = (unsigned)mac[3 * i] << 16 | (unsigned)mac[3 * i + 1] << 8 | mac[3 * i + 2];
        for (unsigned k = 0; k < 4; k++)
            out[4 * i + k] = alphabet[word >> (18 - 6 * k) & 63];
    }
    out[PTN_RELAY_PASSWORD_BYTES - 1] = '=';
}

static void secret_key(struct ptn_relay_users *u, size_t secret, struct ptn_bytes name,
                       enum ptn_stun_password_algorithm algorithm, struct ptn_relay_key *key)
{
    key->row = PTN_RELAY_NONE;
    password_of(u, secret, name, key->password);
    key->size = ptn_stun_long_term_key(u->crypto, algorithm, name, realm_of(u),
                                       ptn_bytes(key->password, sizeof key->password), key->bytes);
}

bool ptn_relay_users_asked(struct ptn_relay_users *u, ptn_time now, struct ptn_bytes name)
{
    uint32_t row = ptn_relay_users_find(u, name);

    if (row == PTN_RELAY_NONE)
        row = add_row(u, now, name);
    if (row == PTN_RELAY_NONE)
        return false;
    u->rows[row].kind = PTN_RELAY_USER_ASKED;
    u->rows[row].until = now + ASKED_KEPT;
    return true;
}

/* No name of anybody: it would be cut where it is written to others as text. */
static bool is_no_name(struct ptn_bytes name)
{
    return name.size == 0 || name.size > PTN_RELAY_USER_BYTES || memchr(name.data, '\0', name.size);
}

enum ptn_relay_lookup ptn_relay_users_keys(struct ptn_relay_users *u, ptn_time now, int64_t wall_s,
                                           struct ptn_bytes name, uint32_t holder,
                                           enum ptn_stun_password_algorithm algorithm,
                                           struct ptn_relay_key keys[static PTN_RELAY_KEYS_MAX],
                                           size_t *count)
{
    uint32_t row = ptn_relay_users_find(u, name);
    const struct ptn_relay_user_row *user = row == PTN_RELAY_NONE ? NULL : &u->rows[row];
    struct ptn_bytes rest;
    int64_t until_s;

    *count = 0;
    if (is_no_name(name))
        return PTN_RELAY_LOOKUP_ABSENT;
    bool good = user && (user->kind == PTN_RELAY_USER_STATIC ||
                         (user->kind == PTN_RELAY_USER_FOUND && user->until > now));
    bool held = user && row == holder && (user->by_secret || user->was_found);
    if ((good || held) && row_key(u, row, algorithm, &keys[*count]))
        ++*count;
    if (good)
        return *count ? PTN_RELAY_LOOKUP_KEYS : PTN_RELAY_LOOKUP_ABSENT;
    if (*count > 0 && user->kind == PTN_RELAY_USER_FOUND && u->ask)
        return PTN_RELAY_LOOKUP_KEYS_AGAIN;
    if (u->secret_count > 0 && time_in_name(name, &until_s, &rest) && until_s >= wall_s)
        for (size_t i = 0; i < u->secret_count; i++)
            secret_key(u, i, name, algorithm, &keys[(*count)++]);
    if (*count > 0)
        return PTN_RELAY_LOOKUP_KEYS;
    if (!u->ask || (user && user->kind == PTN_RELAY_USER_ABSENT && user->until > now))
        return PTN_RELAY_LOOKUP_ABSENT;
    if (user && user->kind == PTN_RELAY_USER_ASKED && user->until > now)
        return PTN_RELAY_LOOKUP_WAIT;
    if (user && user->kind == PTN_RELAY_USER_UNDECIDED && user->until > now)
        return PTN_RELAY_LOOKUP_UNDECIDED;
    return PTN_RELAY_LOOKUP_ASK;
}

void ptn_relay_users_found(struct ptn_relay_users *u, ptn_time now,
                           const struct ptn_relay_user *user)
{
    bool known = user->password.size > 0 || user->key.size > 0;
    uint32_t row = ptn_relay_users_find(u, user->name);

    if (row == PTN_RELAY_NONE)
        row = add_row(u, now, user->name);
    if (row == PTN_RELAY_NONE || u->rows[row].kind == PTN_RELAY_USER_STATIC)
        return;
    struct ptn_relay_user_row *r = &u->rows[row];
    r->kind = known ? PTN_RELAY_USER_FOUND : PTN_RELAY_USER_ABSENT;
    r->until = now + (known ? u->kept : ABSENT_KEPT);
    r->was_found = known;
    if (known) {
        r->by_secret = false;
        set_keys(u, r, user->password, user->key);
        index_userhash(u, row);
    }
}

void ptn_relay_users_undecided(struct ptn_relay_users *u, ptn_time now, struct ptn_bytes name)
{
    uint32_t row = ptn_relay_users_find(u, name);

    if (row == PTN_RELAY_NONE || u->rows[row].kind != PTN_RELAY_USER_ASKED)
        return;
    struct ptn_relay_user_row *r = &u->rows[row];
    r->kind = r->was_found ? PTN_RELAY_USER_FOUND : PTN_RELAY_USER_UNDECIDED;
    r->until = now + (r->was_found ? TAKEN_ON_TRUST : UNDECIDED_KEPT);
}

uint32_t ptn_relay_users_hold(struct ptn_relay_users *u, ptn_time now, struct ptn_bytes name,
                              const struct ptn_relay_key *key)
{
    uint32_t row = key->row != PTN_RELAY_NONE ? key->row : ptn_relay_users_find(u, name);

    if (row == PTN_RELAY_NONE)
        row = add_row(u, now, name);
    if (row == PTN_RELAY_NONE)
        return row;
    if (key->row == PTN_RELAY_NONE) {
        u->rows[row].was_found = false;
        u->rows[row].by_secret = true;
        set_keys(u, &u->rows[row], ptn_bytes(key->password, sizeof key->password),
                 ptn_bytes(NULL, 0));
    }
    u->rows[row].refs++;
    return row;
}

void ptn_relay_users_release(struct ptn_relay_users *u, uint32_t row)
{
    assert(u->rows[row].refs > 0);
    if (--u->rows[row].refs == 0 && u->rows[row].kind == PTN_RELAY_USER_NONE)
        remove_row(u, row);
}

uint64_t ptn_relay_users_tag(struct ptn_relay_users *u, struct ptn_bytes name)
{
    uint8_t hash[PTN_DIGEST_BYTES_MAX];
    struct ptn_bytes rest;
    int64_t until_s;
    uint64_t tag;

    uint32_t row = ptn_relay_users_find(u, name);
    bool is_static = row != PTN_RELAY_NONE && u->rows[row].kind == PTN_RELAY_USER_STATIC;
    if (u->secret_count > 0 && !is_static && time_in_name(name, &until_s, &rest))
        name = rest;
    ptn_crypto_digest(u->crypto, PTN_SHA256, &name, 1, hash);
    memcpy(&tag, hash, sizeof tag);
    return tag ? tag : 1;
}
