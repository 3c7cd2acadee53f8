/*
 * conf/origin.c - which line of which file has set a member.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/parts.h"

enum { FILES_MAX = 64, FILE_NAME_SIZE = 304 };

struct ptn_conf_origins {
    char files[FILES_MAX][FILE_NAME_SIZE];
    unsigned file_count;
    struct origin {
        unsigned file; /* 1 from; 0: no file has */
        unsigned line;
    } * slots;
    size_t slot_count;
};

/* 0 when there is no room for another. */
static unsigned file_number(struct ptn_conf_origins *o, const char *file)
{
    for (unsigned i = 0; i < o->file_count; i++)
        if (strncmp(o->files[i], file, FILE_NAME_SIZE - 1) == 0)
            return i + 1;
    if (o->file_count == FILES_MAX)
        return 0;
    snprintf(o->files[o->file_count], FILE_NAME_SIZE, "%s", file);
    return ++o->file_count;
}

void ptn_conf_origins_set(struct ptn_conf_report *r, size_t slot, const char *file, unsigned line)
{
    struct ptn_conf_origins *o = r->origins;

    if (!r->keeps_origins)
        return;
    if (!o && !(o = r->origins = calloc(1, sizeof *o)))
        return;
    if (slot >= o->slot_count) {
        size_t count = 2 * slot + 64;
        struct origin *grown = realloc(o->slots, count * sizeof *grown);
        if (!grown)
            return;
        memset(grown + o->slot_count, 0, (count - o->slot_count) * sizeof *grown);
        o->slots = grown;
        o->slot_count = count;
    }
    o->slots[slot] = (struct origin){file ? file_number(o, file) : 0, line};
}

const char *ptn_conf_origin(const struct ptn_conf_report *r, const struct ptn_conf_table *t,
                            const char *key, char buf[static PTN_CONF_WHY_SIZE])
{
    const struct ptn_conf_origins *o = r ? r->origins : NULL;
    struct ptn_conf_member m;

    buf[0] = '\0';
    if (!o || !ptn_conf_find(t, key, &m))
        return buf;
    size_t slot = ptn_conf_member_number(t, &m);
    if (slot < o->slot_count && o->slots[slot].file)
        snprintf(buf, PTN_CONF_WHY_SIZE, "%s:%u: ", o->files[o->slots[slot].file - 1],
                 o->slots[slot].line);
    return buf;
}

void ptn_conf_origins_free(struct ptn_conf_origins *o)
{
    if (o)
        free(o->slots);
    free(o);
}
