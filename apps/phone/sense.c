/*
 * phone/sense.c - values that have the form of their setting, and cannot work.
 *
 * A name with its port behind it, an address typed wrong, a whole SIP address where its first part
 * is wanted: found out from a file they cost a minute; from a phone that does not register, an
 * hour.
 */
#include <stdio.h>
#include <string.h>

#include "phone/faults.h"
#include "phone/phone.h"

struct sense {
    const struct phone_settings *s;
    const struct phone_complaints *complaints;
    bool ok;
};

static bool has_blank(const char *text)
{
    return strpbrk(text, " \t") != NULL;
}

/* "sip:" in "sip:example.org", "" where there is none. */
static const char *scheme_of(const char *text)
{
    static const char *const schemes[] = {
        "sip:", "sips:", "stun:", "stuns:", "turn:", "turns:", "http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            return schemes[i];
    return "";
}

/* Is `text` a name or an address, and nothing more? `port_key`: where a port belongs. */
static void look_at_host(struct sense *x, const char *key, const char *text, const char *port_key)
{
    struct ptn_addr addr;
    bool is_address = ptn_addr_parse(text, &addr);

    if (!text[0] || (is_address && addr.port == 0))
        return;
    if (scheme_of(text)[0])
        FAIL(x, key, "%s: \"%s\": without \"%s\", a name or an address is wanted", key, text,
             scheme_of(text));
    else if (has_blank(text) || strchr(text, '/'))
        FAIL(x, key, "%s: \"%s\" is no name and no address", key, text);
    else if (is_address || strchr(text, ':'))
        FAIL(x, key, "%s: \"%s\": the port belongs to %s", key, text, port_key);
    else if (strspn(text, "0123456789.") == strlen(text))
        FAIL(x, key, "%s: \"%s\" is no IPv4 address", key, text);
}

static void look_at_hosts(struct sense *x, unsigned i)
{
    const struct phone_settings *s = x->s;
    char key[80], port_key[80];

    for (unsigned n = 0; n < PTN_PHONE_SERVERS; n++) {
        snprintf(key, sizeof key, "account.%u.sip_server.%u.address", i + 1, n + 1);
        snprintf(port_key, sizeof port_key, "account.%u.sip_server.%u.port", i + 1, n + 1);
        look_at_host(x, key, s->account_server[i][n], port_key);
        snprintf(key, sizeof key, "account.%u.outbound_proxy.%u.address", i + 1, n + 1);
        snprintf(port_key, sizeof port_key, "account.%u.outbound_proxy.%u.port", i + 1, n + 1);
        look_at_host(x, key, s->account_proxy[i][n], port_key);
    }
}

static void look_at_user(struct sense *x, unsigned i)
{
    const char *user = x->s->account_user_name[i];
    char key[80];

    snprintf(key, sizeof key, "account.%u.user_name", i + 1);
    if (scheme_of(user)[0] || has_blank(user))
        FAIL(x, key, "%s: \"%s\" is no user: what stands before the @ is wanted", key, user);
    else if (strchr(user, '@'))
        WARN(x, key,
             "%s: \"%s\" holds an @: what stands before it is wanted here, the rest is "
             "account.%u.sip_server.1.address",
             key, user, i + 1);
}

static void look_at_proxy(struct sense *x, unsigned i)
{
    const struct phone_settings *s = x->s;
    bool has_proxy = s->account_proxy[i][0][0] != '\0';
    char key[80];

    if (s->account_proxy_enable[i] && !has_proxy) {
        snprintf(key, sizeof key, "account.%u.outbound_proxy_enable", i + 1);
        WARN(x, key, "%s is 1, but account.%u.outbound_proxy.1.address is empty: no proxy", key,
             i + 1);
    } else if (!s->account_proxy_enable[i] && has_proxy) {
        snprintf(key, sizeof key, "account.%u.outbound_proxy.1.address", i + 1);
        WARN(x, key, "%s is not used, because account.%u.outbound_proxy_enable is not 1", key,
             i + 1);
    }
}

static void look_for_twins(struct sense *x, unsigned i)
{
    const struct phone_settings *s = x->s;
    char key[80];

    for (unsigned k = 0; k < i; k++) {
        if (!s->account_enable[k] ||
            strcmp(s->account_user_name[k], s->account_user_name[i]) != 0 ||
            strcmp(s->account_server[k][0], s->account_server[i][0]) != 0)
            continue;
        snprintf(key, sizeof key, "account.%u.user_name", i + 1);
        WARN(x, key, "account.%u is account.%u once more: %s at %s", i + 1, k + 1,
             s->account_user_name[i], s->account_server[i][0]);
    }
}

bool phone_makes_sense(const struct phone_settings *s, const struct phone_complaints *complaints)
{
    struct sense x = {.s = s, .complaints = complaints, .ok = true};
    char text[PTN_ADDR_TEXT_MAX];

    for (unsigned i = 0; i < PTN_PHONE_ACCOUNTS; i++) {
        if (!s->account_enable[i])
            continue;
        look_at_user(&x, i);
        look_at_hosts(&x, i);
        look_at_proxy(&x, i);
        look_for_twins(&x, i);
    }
    look_at_host(&x, "static.sip.nat_stun.server", s->stun_server, "static.sip.nat_stun.port");
    look_at_host(&x, "static.sip.nat_turn.server", s->turn_server, "static.sip.nat_turn.port");
    look_at_host(&x, "postern.turn.second_server", s->turn_second, "static.sip.nat_turn.port");
    if (!ptn_addr_is_none(&s->static_nat_addr) &&
        ptn_addr_kind(&s->static_nat_addr) != PTN_ADDR_PUBLIC)
        WARN(&x, "static.network.static_nat.addr",
             "static.network.static_nat.addr: %s is not a public address: others cannot reach it",
             ptn_addr_format_ip(&s->static_nat_addr, text));
    return x.ok;
}
