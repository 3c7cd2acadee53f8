/*
 * phone/capture.c - what is seen, as packets in a file.
 */
#include "os/capture.h"

#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "phone/watch.h"

enum { CONNECTIONS_MAX = 64 };

static const char *why_not(enum ptn_err err)
{
    switch (err) {
    case PTN_ERR_IN_USE: return "it is there already, and would be lost";
    case PTN_ERR_NOT_FOUND: return "there is no such folder";
    case PTN_ERR_NOT_PERMITTED: return "the phone may not write there";
    case PTN_ERR_NO_ROOM: return "no room left on the disk";
    default: return ptn_err_text(err);
    }
}

const char *phone_capture_start(struct phone_watch *w, const char *path, uint64_t bytes_max)
{
    static char why[sizeof w->capture_path + 100];
    struct ptn_capture_opts opts = {.path = path,
                                    .program = "postern-phone",
                                    .names = ptn_wire_interfaces,
                                    .count = PTN_WIRE_INTERFACES,
                                    .bytes_max = bytes_max,
                                    .keeps_others = true};

    if (w->capture) {
        snprintf(why, sizeof why, "%s: is being written already", w->capture_path);
        return why;
    }
    if (path[0] != '/' || strlen(path) >= sizeof w->capture_path) {
        snprintf(why, sizeof why, "%.200s: is no whole path, or is too long", path);
        return why;
    }
    w->wire = ptn_wire_new(CONNECTIONS_MAX);
    enum ptn_err err = w->wire ? ptn_capture_new(&opts, &w->capture) : PTN_ERR_NO_MEMORY;
    if (err != PTN_OK) {
        ptn_wire_free(w->wire);
        w->wire = NULL;
        snprintf(why, sizeof why, "%s: %s", path, why_not(err));
        return why;
    }
    snprintf(w->capture_path, sizeof w->capture_path, "%s", path);
    return NULL;
}

bool phone_capture_stop(struct phone_watch *w)
{
    bool was = w->capture != NULL;

    ptn_capture_free(w->capture);
    ptn_wire_free(w->wire);
    w->capture = NULL;
    w->wire = NULL;
    w->captured = false;
    return was;
}

void phone_capture_seen(struct phone_watch *w, uint64_t unix_ns, const struct ptn_seen *seen)
{
    static uint8_t buf[PTN_WIRE_PACKET_MAX];
    struct ptn_wire_packet packet;

    ptn_wire_input(w->wire, seen);
    while (ptn_wire_output(w->wire, buf, &packet))
        ptn_capture_packet(w->capture, packet.interface, unix_ns, packet.bytes, packet.comment);
    w->captured = true;
}

const char *phone_capture_flush(struct phone_watch *w, const struct ptn_log *log)
{
    if (!w->capture || !w->captured)
        return NULL;
    w->captured = false;
    enum ptn_err err = ptn_capture_flush(w->capture);
    bool full = ptn_capture_is_full(w->capture);
    if (err == PTN_OK && !full)
        return NULL;
    const char *why = err != PTN_OK ? why_not(err) : "it is as long as it was allowed to become";
    ptn_log(log, PTN_LOG_WARN, "the capture has ended: %s: %s", w->capture_path, why);
    phone_capture_stop(w);
    return why;
}

bool phone_capture_size(const struct phone_watch *w, uint64_t *bytes, uint64_t *packets)
{
    if (!w->capture)
        return false;
    *bytes = ptn_capture_bytes(w->capture);
    *packets = ptn_capture_packets(w->capture);
    return true;
}
