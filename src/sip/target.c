/*
 * sip/target.c - what a person dials, or a REFER names, as a URI and the headers it carries.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { USER_MAX = 300, TARGET_MAX = 1000 };

/* As the user of a URI: "*97#" has a character that URIs write otherwise. */
static bool print_user(const char *dialled, char *user, size_t size)
{
    struct ptn_writer w = ptn_writer(user, size);

    for (const char *p = dialled; *p; p++) {
        if (strchr(":;,?/\\%@", *p))
            return false;
        if (*p == '#')
            ptn_write(&w, ptn_bytes("%23", 3));
        else
            ptn_write_u8(&w, (uint8_t)*p);
    }
    ptn_write_u8(&w, 0);
    return !w.bad;
}

bool ptn_sip_print_target(const struct ptn_sip_acct *a, const char *target, char *uri, size_t size)
{
    struct ptn_sip_target parsed;
    char user[USER_MAX];
    int used = -1;

    if (!target[0] || strlen(target) > TARGET_MAX)
        return false;
    for (const char *p = target; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 127 || strchr("<>\"", *p))
            return false;
    /* Without the headers that a URI may carry: they are not the Request-URI's (§19.1.5). */
    if (strncmp(target, "sip:", 4) == 0 || strncmp(target, "sips:", 5) == 0)
        used = snprintf(uri, size, "%.*s", (int)strcspn(target, "?"), target);
    else if (strchr(target, '@'))
        used = snprintf(uri, size, "sip:%s", target);
    else if (!print_user(target, user, sizeof user))
        return false;
    else if (a->domain_is_server && a->server->port)
        used = snprintf(uri, size, "sip:%s@%s:%u", user, a->domain, a->server->port);
    else
        used = snprintf(uri, size, "sip:%s@%s", user, a->domain);
    return used > 0 && (size_t)used < size && ptn_sip_target_of_uri(ptn_pl(uri), &parsed);
}

/* False: what is no escape, or would break a header's line. */
static bool unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++, to++) {
        char c = *from;
        if (c == '%') {
            int high = ptn_sip_hex_digit(from[1]), low = high < 0 ? -1 : ptn_sip_hex_digit(from[2]);
            if (low < 0)
                return false;
            c = (char)(16 * high + low);
            from += 2;
        }
        if ((unsigned char)c < ' ' || c == 127)
            return false;
        *to = c;
    }
    *to = '\0';
    return true;
}

bool ptn_sip_target_replaces(const char *target, char **value)
{
    static const char name[] = "Replaces=";
    const char *at = strchr(target, '?');

    *value = NULL;
    while (at && strncasecmp(at + 1, name, sizeof name - 1) != 0)
        at = strchr(at + 1, '&');
    if (!at)
        return true;
    at += sizeof name;
    *value = ptn_sip_dup((struct pl){at, strcspn(at, "&")});
    return *value && unescape(*value);
}

void ptn_sip_print_escaped(struct ptn_writer *w, const char *text)
{
    for (; *text; text++)
        if (strchr("-._~", *text) || (*text >= '0' && *text <= '9') ||
            (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z'))
            ptn_write_u8(w, (uint8_t)*text);
        else
            ptn_sip_printf(w, "%%%02X", (unsigned char)*text);
}
