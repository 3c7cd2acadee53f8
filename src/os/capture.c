/*
 * os/capture.c - stdio around os/pcapng.
 */
#include "os/capture.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/pcapng.h"

enum { PACKET_BYTES_MAX = 65535, TEXT_BYTES_MAX = 256 };

struct ptn_capture {
    FILE *file;
    uint64_t bytes, bytes_max, packets;
    uint64_t flushed; /* bytes that are surely there */
    bool full;
    uint8_t block[PACKET_BYTES_MAX + TEXT_BYTES_MAX + PTN_PCAPNG_BLOCK_OVERHEAD];
};

static bool put(struct ptn_capture *c, const struct ptn_writer *w)
{
    size_t size = ptn_writer_size(w);

    c->full = c->full || (c->bytes_max > 0 && c->bytes + size > c->bytes_max);
    if (w->bad || c->full)
        return false;
    /* A failed write sticks to the FILE until flush() tells of it. */
    (void)fwrite(w->start, 1, size, c->file);
    c->bytes += size;
    return true;
}

static FILE *open_file(const struct ptn_capture_opts *opts)
{
    int fd =
        open(opts->path, O_WRONLY | O_CREAT | O_CLOEXEC | (opts->keeps_others ? O_EXCL : O_TRUNC),
             opts->keeps_others ? 0600 : 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (fd >= 0 && !file)
        close(fd);
    return file;
}

enum ptn_err ptn_capture_new(const struct ptn_capture_opts *opts, struct ptn_capture **out)
{
    assert(opts->count > 0);

    struct ptn_capture *c = malloc(sizeof *c);
    if (!c)
        return PTN_ERR_NO_MEMORY;
    *c = (struct ptn_capture){.file = open_file(opts), .bytes_max = opts->bytes_max};
    if (!c->file) {
        enum ptn_err err = ptn_err_of_errno(errno);
        free(c);
        return err;
    }
    struct ptn_writer w = ptn_writer(c->block, sizeof c->block);
    ptn_pcapng_section(&w, opts->program);
    put(c, &w);
    for (uint32_t i = 0; i < opts->count; i++) {
        w = ptn_writer(c->block, sizeof c->block);
        ptn_pcapng_interface(&w, opts->names[i]);
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
    c->packets += put(c, &w);
}

uint64_t ptn_capture_bytes(const struct ptn_capture *c)
{
    return c->bytes;
}

uint64_t ptn_capture_packets(const struct ptn_capture *c)
{
    return c->packets;
}

bool ptn_capture_is_full(const struct ptn_capture *c)
{
    return c->full;
}

enum ptn_err ptn_capture_flush(struct ptn_capture *c)
{
    bool failed = fflush(c->file) != 0 || ferror(c->file);
    enum ptn_err err = failed ? ptn_err_of_errno(errno) : PTN_OK;

    clearerr(c->file);
    if (!failed)
        c->flushed = c->bytes;
    else if (ftruncate(fileno(c->file), (off_t)c->flushed) == 0)
        c->bytes = c->flushed;
    return err;
}

void ptn_capture_free(struct ptn_capture *c)
{
    if (!c)
        return;
    (void)fclose(c->file);
    free(c);
}
