/*
 * server/watch.h - those who look on: the status socket, and HTTP for Prometheus.
 */
#ifndef PTN_SERVER_WATCH_H
#define PTN_SERVER_WATCH_H

#include "server.h"

/* Opens what the settings ask for. A status socket that cannot be had is a warning; false: HTTP was
 * asked for and cannot be had, which is logged. */
bool server_watch_open(struct server *s, uint8_t control_owner, uint8_t http_owner);
void server_watch_close(struct server *s);

void server_watch_ready(struct server *s, const struct ptn_ready *ready);

/* Answers who waits; ticks HTTP. */
void server_watch_answer(struct server *s, ptn_time now);
ptn_time server_watch_deadline(const struct server *s, ptn_time now);

/* For --status: asks the server that runs here and prints its answer; an exit code. */
int server_watch_ask(const struct server_settings *settings, const char *program);

#endif
