/*
 * lab/captures.c - one row a wire and file; the rows of a file share its handle.
 */
#include "captures.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "os/capture.h"

struct row {
    unsigned wire;
    uint32_t interface; /* the wire's place in its file */
    struct ptn_capture *file;
    bool owns; /* the first row of a file */
};

struct ptn_captures {
    unsigned count;
    struct row rows[PTN_CAPTURES_MAX];
};

/* Opens the file of row `first` with all wires that go there. */
static enum ptn_err open_file(struct ptn_captures *c, const struct ptn_scenario *scenario,
                              const struct ptn_scenario_capture *wanted, unsigned first)
{
    const char *names[PTN_CAPTURES_MAX];
    uint32_t interfaces = 0;
    struct ptn_capture *file;

    for (unsigned i = first; i < c->count; i++) {
        if (strcmp(wanted[i].file, wanted[first].file) != 0)
            continue;
        c->rows[i] = (struct row){.wire = wanted[i].wire, .interface = interfaces};
        names[interfaces++] = scenario->wires[wanted[i].wire].name;
    }
    struct ptn_capture_opts opts = {
        .path = wanted[first].file, .program = "postern-lab", .names = names, .count = interfaces};
    enum ptn_err err = ptn_capture_new(&opts, &file);
    if (err)
        return err;
    c->rows[first].owns = true;
    for (unsigned i = first; i < c->count; i++)
        if (strcmp(wanted[i].file, wanted[first].file) == 0)
            c->rows[i].file = file;
    return PTN_OK;
}

enum ptn_err ptn_captures_new(struct ptn_captures **out, const struct ptn_scenario *scenario,
                              const struct ptn_scenario_capture *wanted, unsigned count,
                              const char **file)
{
    assert(count <= PTN_CAPTURES_MAX);

    *out = calloc(1, sizeof **out);
    if (!*out)
        return PTN_ERR_NO_MEMORY;
    (*out)->count = count;
    for (unsigned i = 0; i < count; i++) {
        if ((*out)->rows[i].file)
            continue;
        enum ptn_err err = open_file(*out, scenario, wanted, i);
        if (err) {
            *file = wanted[i].file;
            ptn_captures_free(*out);
            *out = NULL;
            return err;
        }
    }
    return PTN_OK;
}

void ptn_captures_free(struct ptn_captures *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->count; i++)
        if (c->rows[i].owns)
            ptn_capture_free(c->rows[i].file);
    free(c);
}

bool ptn_captures_want(const struct ptn_captures *c, unsigned wire)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->rows[i].wire == wire)
            return true;
    return false;
}

void ptn_captures_packet(struct ptn_captures *c, unsigned wire, uint64_t unix_ns,
                         struct ptn_bytes packet)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->rows[i].wire == wire)
            ptn_capture_packet(c->rows[i].file, c->rows[i].interface, unix_ns, packet, NULL);
}

enum ptn_err ptn_captures_flush(struct ptn_captures *c)
{
    enum ptn_err first = PTN_OK;

    for (unsigned i = 0; i < c->count; i++) {
        enum ptn_err err = c->rows[i].owns ? ptn_capture_flush(c->rows[i].file) : PTN_OK;
        if (!first)
            first = err;
    }
    return first;
}
