/*
 * relay/waiting.h - requests that wait for a user to be looked up or for a socket to be opened, and
 * mail that waits to be taken.
 *
 * Few and of fixed size: what finds no place is forgotten, for a client asks again.
 */
#ifndef PTN_RELAY_WAITING_H
#define PTN_RELAY_WAITING_H

#include "relay/relay.h"

enum { PTN_RELAY_WAITING_MAX = 64, PTN_RELAY_MAILS_MAX = 32, PTN_RELAY_WAITING_BYTES = 1200 };

struct ptn_relay_waiting {
    struct {
        ptn_id path;     /* 0: the place is free */
        bool for_socket; /* else for a user */
        struct ptn_addr from;
        ptn_time since;
        size_t size;
        uint8_t bytes[PTN_RELAY_WAITING_BYTES];
    } requests[PTN_RELAY_WAITING_MAX];
    size_t for_sockets; /* no more than so many wait for one */
    size_t mail_first, mail_count;
    struct {
        struct ptn_relay_mail mail;
        uint8_t bytes[PTN_RELAY_WAITING_BYTES];
    } mails[PTN_RELAY_MAILS_MAX];
};

/* False when there is no place, or it is too long. A place whose request has waited for long is
 * taken. */
bool ptn_relay_waiting_add(struct ptn_relay_waiting *w, ptn_time now, bool for_socket, ptn_id path,
                           const struct ptn_addr *from, struct ptn_bytes bytes);

/* Copies the mail and its bytes. */
bool ptn_relay_waiting_mail(struct ptn_relay_waiting *w, const struct ptn_relay_mail *mail);

/* Adds to the mail that was put in last. False, with that mail taken back, when it is too long. */
bool ptn_relay_waiting_append(struct ptn_relay_waiting *w, struct ptn_bytes bytes);

bool ptn_relay_waiting_next_mail(struct ptn_relay_waiting *w, struct ptn_relay_mail *mail);

#endif
