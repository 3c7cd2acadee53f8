/*
 * discover/survey.h - all questions to one server.
 *
 * Which socket asks which is a table in survey.c. The sockets belong to the owner:
 * one that asks everybody (MAIN), one of which each server sees the first packet
 * only at one address (PROBE, one a server), and a second plain one (SECOND).
 */
#ifndef PTN_DISCOVER_SURVEY_H
#define PTN_DISCOVER_SURVEY_H

#include "discover/verdict.h"

enum ptn_discover_role {
    PTN_DISCOVER_MAIN,
    PTN_DISCOVER_SECOND,
    PTN_DISCOVER_PROBE,
    PTN_DISCOVER_ROLES,
};

enum ptn_discover_asked {
    PTN_DISCOVER_PLAIN,      /* MAIN to A: how do you see me? */
    PTN_DISCOVER_OTHER,      /* MAIN to A: and what is your second address? */
    PTN_DISCOVER_AT_OTHER,   /* MAIN to B's second port */
    PTN_DISCOVER_AT_IP,      /* MAIN to B's first port */
    PTN_DISCOVER_AT_PORT,    /* MAIN to A's second port */
    PTN_DISCOVER_CONTROL,    /* PROBE to A */
    PTN_DISCOVER_FROM_OTHER, /* PROBE to A: answer from B's second port */
    PTN_DISCOVER_FROM_PORT,  /* PROBE to A: answer from A's second port */
    PTN_DISCOVER_AGAIN,      /* SECOND to A */
    PTN_DISCOVER_ASKED,
};

/* Losses seen on all ways together. */
struct ptn_discover_way {
    unsigned tries, lost;
};

struct ptn_discover_survey {
    struct ptn_discover_server is;
    struct ptn_discover_question q[PTN_DISCOVER_ASKED];
    enum ptn_discover_dialect dialect;
    unsigned proven, refused; /* bits by dialect */
    ptn_time contact_until;
    bool icmp, ignored_change;
};

/* Begins to ask the server at `addr`. `usable`: bits by role, the sockets there are. */
void ptn_discover_survey_start(struct ptn_discover_survey *s, ptn_time now,
                               const struct ptn_addr *addr, enum ptn_discover_dialect dialect,
                               ptn_time contact, unsigned usable);

/* An answer to try `try` of question `asked`. */
void ptn_discover_survey_answer(struct ptn_discover_survey *s, ptn_time now,
                                enum ptn_discover_asked asked, unsigned try,
                                const struct ptn_stun_msg *m, const struct ptn_addr *from,
                                struct ptn_discover_way *way);

void ptn_discover_survey_tick(struct ptn_discover_survey *s, ptn_time now,
                              const struct ptn_discover_way *way);

/* The next request to send: which question, in which dialect. False when there is none. */
bool ptn_discover_survey_output(struct ptn_discover_survey *s, enum ptn_discover_asked *asked,
                                enum ptn_stun_dialect *dialect);

ptn_time ptn_discover_survey_deadline(const struct ptn_discover_survey *s,
                                      const struct ptn_discover_way *way);

/* Nothing is to be learned from this server any more. */
bool ptn_discover_survey_settled(const struct ptn_discover_survey *s);

/* By which socket a question goes out, and what stands in its CHANGE-REQUEST; -1: it has none. */
enum ptn_discover_role ptn_discover_survey_role(enum ptn_discover_asked asked);
int ptn_discover_survey_change(enum ptn_discover_asked asked);

/* How sure silence must be, on ways that lose so much. */
struct ptn_discover_patience ptn_discover_patience(const struct ptn_discover_way *way,
                                                   unsigned proven, ptn_time rtt);

#endif
