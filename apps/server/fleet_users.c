/*
 * server/fleet_users.c - users and secrets, where coturn keeps them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_parts.h"
#include "mail.h"

/* ---- users ---- */

void server_fleet_user_wanted(struct server *s, ptn_time now, struct ptn_bytes letter)
{
    struct server_fleet *f = s->fleet;
    size_t name_size = strnlen((const char *)letter.data, letter.size);
    char key[SERVER_FLEET_KEY_SIZE];
    unsigned place = 0;

    if (!f || !f->users || name_size == 0 || name_size > PTN_RELAY_USER_BYTES)
        return;
    while (place < SERVER_FLEET_LOOKUPS_MAX && f->lookups[place][0])
        place++;
    if (place == SERVER_FLEET_LOOKUPS_MAX || !ptn_redis_is_up(f->users)) {
        server_mail_user_undecided(&s->crew, ptn_bytes(letter.data, name_size));
        return;
    }
    memcpy(f->lookups[place], letter.data, name_size);
    f->lookups[place][name_size] = '\0';
    snprintf(key, sizeof key, "turn/realm/%s/user/%s/key", f->realm, f->lookups[place]);
    server_fleet_ask(f->users, now, place, "GET", key);
}

void server_fleet_user_answered(struct server *s, const struct ptn_redis_answer *a)
{
    char *name = s->fleet->lookups[a->token], text[80];
    struct ptn_relay_user user = {.name = ptn_bytes_of_text(name)};
    uint8_t key[32];

    if (a->why == PTN_OK) {
        snprintf(text, sizeof text, "0x%.*s", a->count ? (int)a->items[0].size : 0,
                 a->count ? (const char *)a->items[0].data : "");
        user.key = ptn_bytes(key, server_parse_key(text, key));
        server_mail_user_found(&s->crew, &user);
    } else {
        server_mail_user_undecided(&s->crew, user.name);
    }
    name[0] = '\0';
}

/* ---- secrets ---- */

void server_fleet_ask_secrets(struct server *s, ptn_time now)
{
    char key[SERVER_FLEET_KEY_SIZE];

    snprintf(key, sizeof key, "turn/realm/%s/secret", s->fleet->realm);
    server_fleet_ask(s->fleet->users, now, SERVER_FLEET_SECRETS, "SMEMBERS", key);
}

void server_fleet_secrets_answered(struct server *s, const struct ptn_redis_answer *a)
{
    struct server_fleet *f = s->fleet;
    struct ptn_conf_list fresh = {0};

    if (a->why != PTN_OK)
        return;
    for (size_t i = 0; i < a->count; i++)
        fresh.size += (uint32_t)a->items[i].size + 1;
    fresh.texts = calloc(1, fresh.size + 1);
    if (!fresh.texts)
        return;
    char *at = fresh.texts;
    for (size_t i = 0; i < a->count; i++) {
        memcpy(at, a->items[i].data, a->items[i].size);
        at += a->items[i].size + 1;
    }
    fresh.count = (uint32_t)a->count;
    if (f->secrets_taken && fresh.size == f->secrets.size &&
        memcmp(fresh.texts, f->secrets.texts, fresh.size) == 0) {
        free(fresh.texts);
        return;
    }
    free(f->secrets.texts);
    f->secrets = fresh;
    s->redis_secrets = &f->secrets;
    ptn_log(&s->log, PTN_LOG_INFO, "Redis has %u secrets for realm %s", fresh.count, f->realm);
    f->secrets_taken = server_apply(s);
}
