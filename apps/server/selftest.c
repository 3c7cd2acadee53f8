/*
 * server/selftest.c - a client that lives beside the server.
 *
 * Behind a 1:1 NAT that does not send packets back to where they came from (no hairpin), nothing
 * comes by the public address although all is well: then the server is asked by its own address, to
 * tell "cannot tell from here" from "does not answer".
 */
#include "selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/loop.h"
#include "os/netif.h"
#include "os/udp.h"
#include "serve.h"
#include "stun/cred.h"
#include "stun/seal.h"
#include "wire_up.h"

enum { TRIES = 4, MESSAGE_SIZE = 1500, NAME_SIZE = 300 };
#define WAIT PTN_MS(500)

struct asker {
    struct ptn_loop *loop;
    struct ptn_udp_in *in;
    struct ptn_udp_out *out;
    struct ptn_crypto *crypto;
    struct ptn_dice dice;
    int fd;
    struct ptn_addr own, to;
    bool answered;
    uint8_t message[MESSAGE_SIZE];
    struct ptn_stun_msg answer; /* of message */
};

/* ---- asking ---- */

static bool open_asker(struct asker *a)
{
    struct ptn_addr local;

    a->fd = -1;
    a->dice = ptn_entropy_dice();
    a->in = ptn_udp_in_new();
    a->out = ptn_udp_out_new();
    a->crypto = ptn_crypto_new();
    return a->in && a->out && a->crypto && ptn_loop_new(&a->loop) == PTN_OK &&
           ptn_netif_towards(&a->to, &local) &&
           ptn_udp_open(&local, 0, &a->fd, &a->own) == PTN_OK &&
           ptn_loop_add(a->loop, a->fd, PTN_LOOP_IN, 0, 0) == PTN_OK;
}

static void close_asker(struct asker *a)
{
    if (a->fd >= 0)
        close(a->fd);
    ptn_udp_in_free(a->in);
    ptn_udp_out_free(a->out);
    ptn_crypto_free(a->crypto);
    ptn_loop_free(a->loop);
}

/* True when one of those that came is the answer to `id`. */
static bool take_answer(struct asker *a, const struct ptn_stun_id *id)
{
    size_t count = ptn_udp_receive(a->fd, a->in);

    for (size_t i = 0; i < count; i++) {
        struct ptn_bytes b = ptn_udp_in_bytes(a->in, i);
        if (b.size > sizeof a->message)
            continue;
        memcpy(a->message, b.data, b.size);
        if (ptn_stun_decode(&a->answer, ptn_bytes(a->message, b.size)) == PTN_STUN_OK &&
            ptn_stun_id_equal(&a->answer.id, id))
            return a->answered = true;
    }
    return false;
}

static bool ask(struct asker *a, struct ptn_bytes request, const struct ptn_stun_id *id)
{
    struct ptn_ready ready[4];
    struct ptn_udp_sent sent;

    for (unsigned i = 0; i < TRIES; i++) {
        ptn_time until = ptn_clock_now() + WAIT;
        ptn_udp_out_add(a->out, a->fd, 0, &a->to, request);
        ptn_udp_out_flush(a->out, &sent);
        while (ptn_clock_now() < until)
            if (ptn_loop_wait(a->loop, until, ready, 4) > 0 && take_answer(a, id))
                return true;
    }
    return false;
}

static bool ask_binding(struct asker *a)
{
    struct ptn_stun_id id = ptn_stun_id_new(&a->dice, PTN_STUN_MODERN);
    uint8_t buf[64];
    struct ptn_bytes request;
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &id);
    return ptn_stun_end(&o, &request) && ask(a, request, &id);
}

/* ---- as a user ---- */

/* One that the settings know, with his password; false: they know only keys, or ask Redis. */
static bool choose_user(struct asker *a, const struct server_settings *s,
                        char name[static NAME_SIZE], char password[static NAME_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *secret = ptn_conf_list_next(&s->static_auth_secret, NULL);
    uint8_t mac[PTN_DIGEST_BYTES_MAX + 4] = {0}, key[32];

    for (const char *e = NULL; (e = ptn_conf_list_next(&s->users, e));) {
        const char *rest = strchr(e, ':');
        if (!rest || rest - e >= NAME_SIZE || server_parse_key(rest + 1, key))
            continue;
        snprintf(name, NAME_SIZE, "%.*s", (int)(rest - e), e);
        snprintf(password, NAME_SIZE, "%.*s", NAME_SIZE - 1, rest + 1);
        return true;
    }
    if (!secret)
        return false;
    snprintf(name, NAME_SIZE, "%llu:selftest",
             (unsigned long long)(ptn_clock_unix_ns() / 1000000000 + 60));
    struct ptn_bytes part = ptn_bytes_of_text(name);
    ptn_crypto_hmac(a->crypto, PTN_SHA1, ptn_bytes_of_text(secret), &part, 1, mac);
    for (size_t i = 0, k = 0; i < 20; i += 3) {
        uint32_t bits = (uint32_t)mac[i] << 16 | (uint32_t)(i + 1 < 20 ? mac[i + 1] : 0) << 8 |
                        (i + 2 < 20 ? mac[i + 2] : 0);
        for (unsigned n = 0; n < 4; n++)
            password[k++] = digits[bits >> (18 - 6 * n) & 63];
        password[k] = '\0';
    }
    strcpy(password + 27, "=");
    return true;
}

/* Allocate, or with `lifetime` 0 Refresh: what was allocated goes back. */
static bool ask_sealed(struct asker *a, uint16_t method, const char *name, const char *password,
                       struct ptn_bytes realm, struct ptn_bytes nonce)
{
    struct ptn_stun_id id = ptn_stun_id_new(&a->dice, PTN_STUN_MODERN);
    uint8_t buf[1000], key[PTN_DIGEST_BYTES_MAX];
    struct ptn_bytes request;
    struct ptn_stun_out o;
    size_t key_size =
        ptn_stun_long_term_key(a->crypto, PTN_STUN_ALGORITHM_MD5, ptn_bytes_of_text(name), realm,
                               ptn_bytes_of_text(password), key);

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, method, &id);
    if (method == PTN_STUN_ALLOCATE)
        ptn_stun_put_u32(&o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    else
        ptn_stun_put_u32(&o, PTN_STUN_LIFETIME, 0);
    if (nonce.size > 0) {
        ptn_stun_put(&o, PTN_STUN_USERNAME, ptn_bytes_of_text(name));
        ptn_stun_put(&o, PTN_STUN_REALM, realm);
        ptn_stun_put(&o, PTN_STUN_NONCE, nonce);
        ptn_stun_put_integrity(&o, a->crypto, ptn_bytes(key, key_size));
    }
    return ptn_stun_end(&o, &request) && ask(a, request, &id);
}

static bool is_private(const struct ptn_addr *a)
{
    enum ptn_addr_kind kind = ptn_addr_kind(a);

    return kind == PTN_ADDR_PRIVATE || kind == PTN_ADDR_SHARED;
}

static const char *kind_of(const struct ptn_addr *a)
{
    if (is_private(a))
        return "PRIVATE: clients elsewhere cannot reach it; see external-ip";
    return ptn_addr_kind(a) == PTN_ADDR_PUBLIC ? "public" : "not public";
}

static const char *what_to_do(unsigned code)
{
    switch (code) {
    case 401:
        return "\n           the running server has another password, secret or realm than these "
               "settings: reload it?";
    case 486:
    case 508: return "\n           a quota is used up, or all ports from min-port to max-port are";
    default: return "";
    }
}

static int test_relaying(struct asker *a, const struct server_settings *s)
{
    char name[NAME_SIZE], password[NAME_SIZE], text[PTN_ADDR_TEXT_MAX];
    uint8_t kept[1000];
    struct ptn_bytes realm, nonce;
    struct ptn_addr relayed;
    unsigned code = 0;

    if (s->stun_only || !choose_user(a, s, name, password)) {
        printf("relaying   not tried: %s\n",
               s->stun_only ? "stun-only" : "no user whose password the settings hold");
        return PTN_CLI_FINE;
    }
    if (!ask_sealed(a, PTN_STUN_ALLOCATE, name, password, ptn_bytes(NULL, 0), ptn_bytes(NULL, 0)) ||
        !ptn_stun_get(&a->answer, PTN_STUN_REALM, &realm) ||
        !ptn_stun_get(&a->answer, PTN_STUN_NONCE, &nonce) ||
        realm.size + nonce.size > sizeof kept) {
        printf("relaying   FAILED: no challenge came\n");
        return SERVER_DOES_NOT_ANSWER;
    }
    memcpy(kept, realm.data, realm.size);
    memcpy(kept + realm.size, nonce.data, nonce.size);
    realm.data = kept;
    nonce.data = kept + realm.size;
    if (!ask_sealed(a, PTN_STUN_ALLOCATE, name, password, realm, nonce) ||
        !ptn_stun_get_addr(&a->answer, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed)) {
        ptn_stun_get_error(&a->answer, &code, &nonce);
        printf("relaying   FAILED: %s refused with %u%s\n", name, code, what_to_do(code));
        return SERVER_DOES_NOT_ANSWER;
    }
    printf("relaying   %s gets %s (%s)\n", name, ptn_addr_format(&relayed, text),
           kind_of(&relayed));
    ask_sealed(a, PTN_STUN_REFRESH, name, password, realm, nonce);
    return is_private(&relayed) ? SERVER_IS_MISTOLD : PTN_CLI_FINE;
}

/* ---- the test ---- */

/* Sets out to ask `to`; says so when nothing comes. */
static bool try(struct asker *a, const struct ptn_addr *to, const char *what)
{
    char asked[PTN_ADDR_TEXT_MAX], seen[PTN_ADDR_TEXT_MAX];
    struct ptn_addr mapped;

    *a = (struct asker){.to = *to};
    ptn_addr_format(to, asked);
    if (!open_asker(a)) {
        printf("%s %s: there is no way to it from here\n", what, asked);
        return false;
    }
    if (!ask_binding(a) || !ptn_stun_get_mapped(&a->answer, &mapped, NULL)) {
        printf("%s %s: no answer by UDP\n", what, asked);
        return false;
    }
    printf("%s %s: answers by UDP, and sees this computer as %s\n", what, asked,
           ptn_addr_format(&mapped, seen));
    return true;
}

static int test_from_here(const struct ptn_addr *own, const struct ptn_addr *public,
                          const struct server_settings *settings)
{
    struct asker a;
    bool same = ptn_addr_equal(own, public);
    int code = SERVER_DOES_NOT_ANSWER;

    if (try(&a, public, same ? "address   " : "public    ")) {
        code = test_relaying(&a, settings);
    } else if (!same) {
        close_asker(&a);
        if (try(&a, own, "own       ")) {
            printf(
                "           so the server runs; whether the public address leads to it cannot be "
                "told from here:\n           the NAT before it may not send packets back. Ask from "
                "elsewhere: postern-probe\n");
            code = test_relaying(&a, settings);
            if (code == PTN_CLI_FINE)
                code = SERVER_CANNOT_TELL;
        }
    }
    close_asker(&a);
    if (code == SERVER_DOES_NOT_ANSWER && !a.answered)
        printf("           does it run (--status), and does a firewall let UDP through?\n");
    return code;
}

int server_selftest(const struct server_settings *settings, const char *program)
{
    struct ptn_addr addrs[PTN_NETIF_ADDRS_MAX];
    struct ptn_relay_opts *opts = calloc(1, sizeof *opts);
    char why[PTN_CONF_WHY_SIZE] = "out of memory";
    const struct ptn_relay_listener *l = NULL;
    size_t count = 0;
    int code = PTN_CLI_USAGE;

    ptn_netif_list(addrs, PTN_NETIF_ADDRS_MAX, &count);
    bool wired = opts && server_wire_up(settings, addrs, count, opts, why);
    for (size_t i = 0; wired && i < opts->listener_count; i++) {
        const struct ptn_relay_listener *each = &opts->listeners[i];
        bool better = l && ptn_addr_kind(&l->local) == PTN_ADDR_LOOPBACK &&
                      ptn_addr_kind(&each->local) != PTN_ADDR_LOOPBACK;
        if (each->transport == PTN_UDP && (!l || better))
            l = each;
    }
    if (!l)
        fprintf(stderr, "%s: %s\n", program, wired ? "there is no UDP to ask by" : why);
    else
        code = test_from_here(
            &l->local, ptn_addr_is_none(&l->announced) ? &l->local : &l->announced, settings);
    free(opts);
    return code;
}
