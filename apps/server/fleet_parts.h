/*
 * server/fleet_parts.h - what fleet.c and its two halves, users and other servers, share.
 */
#ifndef PTN_SERVER_FLEET_PARTS_H
#define PTN_SERVER_FLEET_PARTS_H

#include "fleet.h"
#include "os/redis.h"

enum {
    SERVER_FLEET_LOOKUPS_MAX = 1024,
    SERVER_FLEET_MEMBERS_MAX = 64,
    SERVER_FLEET_KEY_SIZE = 2 * PTN_CONF_TEXT_SIZE + 64,
};

/* Below these a token is the place of a look-up. */
enum server_fleet_token {
    SERVER_FLEET_SECRETS = SERVER_FLEET_LOOKUPS_MAX,
    SERVER_FLEET_TOLD, /* nothing follows from the answer */
    SERVER_FLEET_MEMBERS,
    SERVER_FLEET_LOADS,
};

struct server_fleet {
    struct ptn_redis *users, *stats;
    uint8_t users_owner, stats_owner;
    bool users_were_up, stats_were_up, users_told, stats_told;
    char realm[PTN_CONF_TEXT_SIZE], own[PTN_ADDR_TEXT_MAX];
    uint16_t tls_port; /* of this server; 0: none */
    ptn_time secrets_due, tell_due, rotate_due;

    /* fleet_users.c */
    char lookups[SERVER_FLEET_LOOKUPS_MAX][PTN_RELAY_USER_BYTES + 1]; /* empty: free */
    struct ptn_conf_list secrets;                                     /* of Redis */
    bool secrets_taken;                                               /* by the workers */

    /* fleet_others.c */
    char members[SERVER_FLEET_MEMBERS_MAX][PTN_ADDR_TEXT_MAX];
    size_t member_count;
    struct ptn_relay_alternate diverted;
    unsigned rotated;
};

/* One word behind the command. */
void server_fleet_ask(struct ptn_redis *r, ptn_time now, uint64_t token, const char *command,
                      const char *key);

/* ---- fleet_users.c ---- */

void server_fleet_user_answered(struct server *s, const struct ptn_redis_answer *a);
void server_fleet_ask_secrets(struct server *s, ptn_time now);
void server_fleet_secrets_answered(struct server *s, const struct ptn_redis_answer *a);

/* ---- fleet_others.c ---- */

/* Tells how much goes on here, and asks who else there is. */
void server_fleet_tell_load(struct server *s, ptn_time now);
void server_fleet_members_answered(struct server *s, ptn_time now,
                                   const struct ptn_redis_answer *a);
void server_fleet_loads_answered(struct server *s, ptn_time now, const struct ptn_redis_answer *a);

/* While nobody can tell of others: new clients stay here if there is room. */
void server_fleet_alone(struct server *s);

/* alternate-server and tls-alternate-server: are there any; and one after the other, or none. */
bool server_fleet_is_rotating(const struct server *s);
void server_fleet_rotate(struct server *s, ptn_time now);

/* Nobody is to be sent to a server that has ended, not even for the seconds that its load is kept.
 */
void server_fleet_leave(struct server_fleet *f);

#endif
