/*
 * base/heap.c - a binary heap whose items know their place.
 */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

enum ptn_err ptn_heap_init(struct ptn_heap *h, uint32_t capacity)
{
    *h = (struct ptn_heap){
        .nodes = malloc((capacity ? capacity : 1) * sizeof *h->nodes),
        .place = calloc(capacity ? capacity : 1, sizeof *h->place),
        .capacity = capacity,
    };
    if (h->nodes && h->place)
        return PTN_OK;
    ptn_heap_fini(h);
    return PTN_ERR_NO_MEMORY;
}

void ptn_heap_fini(struct ptn_heap *h)
{
    free(h->nodes);
    free(h->place);
    *h = (struct ptn_heap){0};
}

static bool earlier(struct ptn_heap_node a, struct ptn_heap_node b)
{
    return a.at != b.at ? a.at < b.at : a.item < b.item;
}

static void put(struct ptn_heap *h, uint32_t at, struct ptn_heap_node node)
{
    h->nodes[at] = node;
    h->place[node.item] = at + 1;
}

/* Moves the node at `at` towards the root or the leaves until the order holds. */
static void settle(struct ptn_heap *h, uint32_t at)
{
    struct ptn_heap_node node = h->nodes[at];

    while (at > 0 && earlier(node, h->nodes[(at - 1) / 2])) {
        put(h, at, h->nodes[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < h->count && earlier(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (child >= h->count || !earlier(h->nodes[child], node))
            break;
        put(h, at, h->nodes[child]);
        at = child;
    }
    put(h, at, node);
}

void ptn_heap_set(struct ptn_heap *h, uint32_t item, ptn_time at)
{
    assert(item < h->capacity);

    uint32_t place = h->place[item];
    if (at == PTN_NEVER) {
        if (place == 0)
            return;
        h->place[item] = 0;
        struct ptn_heap_node last = h->nodes[--h->count];
        if (place - 1 < h->count) {
            put(h, place - 1, last);
            settle(h, place - 1);
        }
        return;
    }
    if (place == 0)
        place = ++h->count;
    put(h, place - 1, (struct ptn_heap_node){at, item});
    settle(h, place - 1);
}

ptn_time ptn_heap_get(const struct ptn_heap *h, uint32_t item)
{
    assert(item < h->capacity);
    return h->place[item] ? h->nodes[h->place[item] - 1].at : PTN_NEVER;
}

ptn_time ptn_heap_deadline(const struct ptn_heap *h)
{
    return h->count ? h->nodes[0].at : PTN_NEVER;
}

bool ptn_heap_pop(struct ptn_heap *h, ptn_time now, uint32_t *item)
{
    if (h->count == 0 || h->nodes[0].at > now)
        return false;
    *item = h->nodes[0].item;
    ptn_heap_set(h, *item, PTN_NEVER);
    return true;
}
