/*
 * server/mail.h - letters between workers: requests, sockets and connections that landed at the
 * wrong one, and users that were looked up.
 */
#ifndef PTN_SERVER_MAIL_H
#define PTN_SERVER_MAIL_H

#include "os/mailbox.h"
#include "sockets.h"
#include "streams.h"

struct server_crew;

/* Kinds of letters to a worker. */
enum server_mail_kind {
    SERVER_MAIL_CALL,           /* a pointer to the call */
    SERVER_MAIL_RELAY,          /* a struct packet and bytes */
    SERVER_MAIL_USER,           /* a struct found and bytes */
    SERVER_MAIL_USER_UNDECIDED, /* the name */
};

struct server_mail {
    struct server_crew *crew;
    unsigned number;
    struct ptn_relay *relay;
    struct server_streams *streams;
    struct server_sockets *sockets;
    uint64_t lost;
};

void server_mail_send(struct server_mail *m, ptn_time now, const struct ptn_relay_mail *mail);
void server_mail_receive(struct server_mail *m, ptn_time now, const struct ptn_letter *letter);

/* Closes what a letter carries and frees it, when nobody will receive it. */
void server_mail_discard(struct ptn_letter *letter);

/* To the main thread. */
void server_mail_user_wanted(struct server_mail *m, struct ptn_bytes name, struct ptn_bytes realm);

/* From the main thread, to all workers: who a user is, or that it cannot be found out now. */
void server_mail_user_found(struct server_crew *crew, const struct ptn_relay_user *user);
void server_mail_user_undecided(struct server_crew *crew, struct ptn_bytes name);

#endif
