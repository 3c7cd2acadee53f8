/*
 * os/capture.c - stdio around os/pcapng.
 */
#include "os/capture.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/errno.h"
#include "os/pcapng.h"

enum { PACKET_BYTES_MAX = 65535, TEXT_BYTES_MAX = 256 };

struct ptn_capture {
    FILE *file;
    uint8_t block[PACKET_BYTES_MAX + TEXT_BYTES_MAX + PTN_PCAPNG_BLOCK_OVERHEAD];
};

static void put(struct ptn_capture *c, const struct ptn_writer *w)
{
    /* A failed write sticks to the FILE until flush() tells of it. */
    if (!w->bad)
        (void)fwrite(w->start, 1, ptn_writer_size(w), c->file);
}

enum ptn_err ptn_capture_new(const char *path, const char *program, const char *const *names,
                             uint32_t count, struct ptn_capture **out)
{
    assert(count > 0);

    struct ptn_capture *c = malloc(sizeof *c);
    if (!c)
        return PTN_ERR_NO_MEMORY;
    c->file = fopen(path, "we");
    if (!c->file) {
        enum ptn_err err = ptn_err_of_errno(errno);
        free(c);
        return err;
    }
    struct ptn_writer w = ptn_writer(c->block, sizeof c->block);
    ptn_pcapng_section(&w, program);
    put(c, &w);
    for (uint32_t i = 0; i < count; i++) {
        w = ptn_writer(c->block, sizeof c->block);
        ptn_pcapng_interface(&w, names[i]);
        put(c, &w);
    }
    enum ptn_err err = ptn_capture_flush(c);
    if (err)
        ptn_capture_free(c);
    else
        *out = c;
    return err;
}

void ptn_capture_packet(struct ptn_capture *c, uint32_t interface, uint64_t unix_ns,
                        struct ptn_bytes packet, const char *comment)
{
    struct ptn_writer w = ptn_writer(c->block, sizeof c->block);

    ptn_pcapng_packet(&w, interface, unix_ns, packet, comment);
    put(c, &w);
}

enum ptn_err ptn_capture_flush(struct ptn_capture *c)
{
    bool failed = fflush(c->file) != 0 || ferror(c->file);
    enum ptn_err err = failed ? ptn_err_of_errno(errno) : PTN_OK;

    clearerr(c->file);
    return err;
}

void ptn_capture_free(struct ptn_capture *c)
{
    if (!c)
        return;
    (void)fclose(c->file);
    free(c);
}
