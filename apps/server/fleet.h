/*
 * server/fleet.h - several servers with the same users: Redis, and who has room.
 *
 * Users and secrets are where coturn keeps them (turn/realm/REALM/user/NAME/key, a set at
 * turn/realm/REALM/secret). How much is going on here is told every few seconds at
 * postern/fleet/REALM/ADDRESS, and forgotten there when it is not told again; a server that is
 * full or drains sends new clients to the one with the most room.
 */
#ifndef PTN_SERVER_FLEET_H
#define PTN_SERVER_FLEET_H

#include "report.h"
#include "server.h"

struct server_fleet;

/* What the settings ask for. False: they are wrong, or there is no memory; that is logged. */
bool server_fleet_open(struct server *s, uint8_t users_owner, uint8_t stats_owner);
void server_fleet_close(struct server *s);

void server_fleet_ready(struct server *s, ptn_time now, const struct ptn_ready *ready);
void server_fleet_tick(struct server *s, ptn_time now);
ptn_time server_fleet_deadline(const struct server *s);

struct server_redis_state server_fleet_users_state(const struct server *s);
struct server_redis_state server_fleet_loads_state(const struct server *s);

/* A letter of a worker: somebody whom it does not know. */
void server_fleet_user_wanted(struct server *s, ptn_time now, struct ptn_bytes letter);

#endif
