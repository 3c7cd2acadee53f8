/*
 * conf/origin.c - which line of which file has set a member.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/parts.h"

enum { FILES_MAX = 64 };

struct ptn_conf_origins {
    char *files[FILES_MAX];
    unsigned file_count;
    struct origin {
        uint32_t slot, line;
        uint32_t file; /* 1 from; 0: none, a flag */
    } * set; /* in no order, each slot once: a file sets a few of the thousands there are */
    size_t count, room;
};

/* 0 when there is no room for another. */
static unsigned file_number(struct ptn_conf_origins *o, const char *file)
{
    for (unsigned i = 0; i < o->file_count; i++)
        if (strcmp(o->files[i], file) == 0)
            return i + 1;
    char *copy = o->file_count < FILES_MAX ? malloc(strlen(file) + 1) : NULL;
    if (!copy)
        return 0;
    o->files[o->file_count] = strcpy(copy, file);
    return ++o->file_count;
}

static struct origin *find(const struct ptn_conf_origins *o, size_t slot)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->set[i].slot == slot)
            return &o->set[i];
    return NULL;
}

static struct origin *add(struct ptn_conf_origins *o, size_t slot)
{
    if (o->count == o->room) {
        size_t room = 2 * o->room + 16;
        struct origin *grown = realloc(o->set, room * sizeof *grown);
        if (!grown)
            return NULL;
        o->set = grown;
        o->room = room;
    }
    o->set[o->count].slot = (uint32_t)slot;
    return &o->set[o->count++];
}

void ptn_conf_origins_set(struct ptn_conf_report *r, size_t slot, const char *file, unsigned line)
{
    struct ptn_conf_origins *o = r->origins;

    if (!r->keeps_origins || (!o && !(o = r->origins = calloc(1, sizeof *o))))
        return;
    struct origin *one = find(o, slot);
    if (!one && !(one = add(o, slot)))
        return;
    one->file = file ? file_number(o, file) : 0;
    one->line = line;
}

const char *ptn_conf_origin(const struct ptn_conf_report *r, const struct ptn_conf_table *t,
                            const char *key, char buf[static PTN_CONF_WHY_SIZE])
{
    const struct ptn_conf_origins *o = r ? r->origins : NULL;
    struct ptn_conf_member m;

    buf[0] = '\0';
    if (!o || !ptn_conf_find(t, key, &m))
        return buf;
    const struct origin *one = find(o, ptn_conf_member_number(t, &m));
    if (one && one->file)
        snprintf(buf, PTN_CONF_WHY_SIZE, "%s:%u: ", o->files[one->file - 1], (unsigned)one->line);
    return buf;
}

void ptn_conf_origins_free(struct ptn_conf_origins *o)
{
    if (!o)
        return;
    for (unsigned i = 0; i < o->file_count; i++)
        free(o->files[i]);
    free(o->set);
    free(o);
}
