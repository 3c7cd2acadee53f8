/*
 * sip/stream.c - finding the blank line, then counting the body.
 *
 * Looks for Content-Length itself instead of decoding: a message is decoded once, when
 * it is whole.
 */
#include "sip/stream.h"

#include <stdlib.h>
#include <string.h>

#include "sip/text.h"

/* A whole message and the beginning of the next. */
enum { STREAM_BYTES_MAX = 2 * PTN_SIP_MSG_MAX };

void ptn_sip_stream_fini(struct ptn_sip_stream *s)
{
    free(s->data);
    *s = (struct ptn_sip_stream){0};
}

bool ptn_sip_stream_input(struct ptn_sip_stream *s, struct ptn_bytes bytes)
{
    size_t waiting = s->end - s->start;

    if (bytes.size == 0)
        return true;
    if (waiting + bytes.size > STREAM_BYTES_MAX)
        return false;
    if (waiting > 0)
        memmove(s->data, s->data + s->start, waiting);
    s->start = 0;
    s->end = waiting;
    if (waiting + bytes.size > s->room) {
        size_t room = 2 * (waiting + bytes.size);
        uint8_t *data = realloc(s->data, room);
        if (!data)
            return false;
        s->data = data;
        s->room = room;
    }
    memcpy(s->data + s->end, bytes.data, bytes.size);
    s->end += bytes.size;
    return true;
}

/* Is the line at `line` a Content-Length? */
static bool content_length(struct pl line, struct pl *value)
{
    const char *colon = pl_strchr(&line, ':');

    if (!colon)
        return false;
    struct pl name = {line.p, (size_t)(colon - line.p)};
    while (name.l > 0 && (name.p[name.l - 1] == ' ' || name.p[name.l - 1] == '\t'))
        name.l--;
    if (pl_strcasecmp(&name, "Content-Length") != 0 && pl_strcasecmp(&name, "l") != 0)
        return false;
    *value = (struct pl){colon + 1, line.l - (size_t)(colon + 1 - line.p)};
    while (value->l > 0 && (*value->p == ' ' || *value->p == '\t'))
        value->p++, value->l--;
    while (value->l > 0 && (value->p[value->l - 1] == ' ' || value->p[value->l - 1] == '\t'))
        value->l--;
    return true;
}

/* Walks the header lines, from where it stood last: bytes may come one by one. MESSAGE:
 * `size` is the whole message's, or what it will be. */
static enum ptn_sip_stream_step measure(struct ptn_sip_stream *s, size_t *size)
{
    const uint8_t *message = s->data + s->start;
    size_t have = s->end - s->start;

    while (s->line < have) {
        const uint8_t *end = memchr(message + s->line, '\n', have - s->line);
        struct pl line = {(const char *)message + s->line, 0}, value;
        uint32_t body;
        if (!end)
            break;
        line.l = (size_t)(end - (message + s->line));
        size_t next = s->line + line.l + 1;
        if (line.l > 0 && line.p[line.l - 1] == '\r')
            line.l--;
        if (line.l == 0) {
            *size = next + s->body;
            return s->known && *size <= PTN_SIP_MSG_MAX ? PTN_SIP_STREAM_MESSAGE
                                                        : PTN_SIP_STREAM_BROKEN;
        }
        if (content_length(line, &value)) {
            /* Two that differ are how requests are smuggled. */
            if (!ptn_sip_number(value, PTN_SIP_MSG_MAX, &body) || (s->known && s->body != body))
                return PTN_SIP_STREAM_BROKEN;
            s->body = body;
            s->known = true;
        }
        s->line = next;
    }
    return have > PTN_SIP_MSG_MAX ? PTN_SIP_STREAM_BROKEN : PTN_SIP_STREAM_MORE;
}

static void take(struct ptn_sip_stream *s, size_t size)
{
    s->start += size;
    s->line = 0;
    s->body = 0;
    s->known = false;
}

/* `at` begins with a line break: half a ping is waited for unless it may be a pong, and a pong
 * followed by something else is one at once. */
static enum ptn_sip_stream_step take_line_breaks(struct ptn_sip_stream *s)
{
    const uint8_t *at = s->data + s->start;
    size_t have = s->end - s->start;

    if (have >= 4 && memcmp(at, "\r\n\r\n", 4) == 0) {
        take(s, 4);
        return PTN_SIP_STREAM_PING;
    }
    if ((have == 1 || have == 3) && memcmp(at, "\r\n\r", have) == 0)
        return PTN_SIP_STREAM_MORE;
    take(s, have >= 2 && at[0] == '\r' && at[1] == '\n' ? 2 : 1);
    return PTN_SIP_STREAM_PONG;
}

enum ptn_sip_stream_step ptn_sip_stream_take(struct ptn_sip_stream *s, struct ptn_bytes *out)
{
    size_t size = 0;

    *out = (struct ptn_bytes){0};
    if (s->start == s->end)
        return PTN_SIP_STREAM_MORE;
    if (s->data[s->start] == '\r' || s->data[s->start] == '\n')
        return take_line_breaks(s);
    enum ptn_sip_stream_step step = measure(s, &size);
    if (step == PTN_SIP_STREAM_MESSAGE && s->end - s->start < size)
        return PTN_SIP_STREAM_MORE;
    if (step == PTN_SIP_STREAM_MESSAGE) {
        *out = ptn_bytes(s->data + s->start, size);
        take(s, size);
    }
    return step;
}
