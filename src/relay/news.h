/*
 * relay/news.h - events until the owner takes them; with room for a batch of everything.
 */
#ifndef PTN_RELAY_NEWS_H
#define PTN_RELAY_NEWS_H

#include "relay/relay.h"

enum { PTN_RELAY_NEWS_MAX = 256 };

struct ptn_relay_news {
    size_t first, count;
    uint64_t lost; /* the owner did not take them in time */
    struct {
        struct ptn_relay_event ev;
        char name[PTN_RELAY_USER_BYTES];
    } places[PTN_RELAY_NEWS_MAX];
};

static inline bool ptn_relay_news_full(const struct ptn_relay_news *n)
{
    return n->count == PTN_RELAY_NEWS_MAX;
}

/* Copies the event and the name in it. */
static inline void ptn_relay_news_add(struct ptn_relay_news *n, const struct ptn_relay_event *ev)
{
    if (n->count == 0)
        n->first = 0; /* so that a quiet relay touches few places */
    if (ptn_relay_news_full(n)) {
        n->lost++;
        return;
    }
    size_t place = (n->first + n->count++) % PTN_RELAY_NEWS_MAX;
    n->places[place].ev = *ev;
    if (ev->name.size > 0)
        memcpy(n->places[place].name, ev->name.data, ev->name.size);
    n->places[place].ev.name = ptn_bytes(n->places[place].name, ev->name.size);
}

static inline bool ptn_relay_news_next(struct ptn_relay_news *n, struct ptn_relay_event *ev)
{
    if (n->count == 0)
        return false;
    *ev = n->places[n->first].ev;
    n->first = (n->first + 1) % PTN_RELAY_NEWS_MAX;
    n->count--;
    return true;
}

#endif
