/*
 * sip/body.c - bodies of several parts: carriers put what their switches say beside a description.
 *
 *     --boundary CRLF headers CRLF CRLF what it holds CRLF --boundary … CRLF --boundary--
 *
 * One level deep: nobody nests what a phone is to read.
 */
#include "sip/body.h"

#include <string.h>
#include <strings.h>

/* Where `what` begins in `text`; its size when it does not. */
static size_t find(struct pl text, struct pl what)
{
    for (size_t i = 0; i + what.l <= text.l; i++)
        if (memcmp(text.p + i, what.p, what.l) == 0)
            return i;
    return text.l;
}

/* Behind the first `what`; false: there is none. */
static bool skip_behind(struct pl *text, struct pl what)
{
    size_t at = find(*text, what);

    if (at == text->l)
        return false;
    pl_advance(text, (ssize_t)(at + what.l));
    return true;
}

static bool is_kind(struct pl value, const char *type, const char *subtype)
{
    struct msg_ctype kind;

    return msg_ctype_decode(&kind, &value) == 0 && msg_ctype_cmp(&kind, type, subtype);
}

/* A part without a type is plain text; one that is encoded is none that we have. */
static bool has_kind(struct pl headers, const char *type, const char *subtype)
{
    static const char kind[] = "Content-Type:", coding[] = "Content-Transfer-Encoding:";
    bool right = false;

    while (headers.l > 0) {
        size_t size = find(headers, ptn_pl("\r\n"));
        struct pl line = {headers.p, size};
        pl_advance(&headers, (ssize_t)(size < headers.l ? size + 2 : size));
        if (line.l > sizeof kind && strncasecmp(line.p, kind, sizeof kind - 1) == 0) {
            pl_advance(&line, sizeof kind - 1);
            right = is_kind(line, type, subtype);
        } else if (line.l > sizeof coding && strncasecmp(line.p, coding, sizeof coding - 1) == 0) {
            pl_advance(&line, sizeof coding - 1);
            if (find(line, ptn_pl("base64")) < line.l || find(line, ptn_pl("quoted")) < line.l)
                return false;
        }
    }
    return right;
}

/* The next part behind a delimiter; false: it was the last. */
static bool take_part(struct pl *rest, struct pl delimiter, struct pl *headers, struct pl *content)
{
    struct pl line = *rest;

    if (rest->l >= 2 && strncmp(rest->p, "--", 2) == 0)
        return false;
    if (!skip_behind(&line, ptn_pl("\r\n")))
        return false;
    /* With the line break before it, so that a part without headers ends them at once. */
    line.p -= 2;
    line.l += 2;
    size_t size = find(line, ptn_pl("\r\n\r\n"));
    if (size == line.l)
        return false;
    *headers = (struct pl){line.p, size};
    *content = (struct pl){line.p + size + 4, line.l - size - 4};
    *rest = *content;
    content->l = find(*content, delimiter);
    return skip_behind(rest, delimiter);
}

struct ptn_bytes ptn_sip_body_part(const struct ptn_sip_in *in, const char *type,
                                   const char *subtype)
{
    const struct msg_ctype *kind = &in->msg->ctyp;
    struct pl rest = ptn_pl_bytes(in->body), boundary, headers, content;
    char text[80];

    if (msg_ctype_cmp(kind, type, subtype))
        return in->body;
    if (pl_strcasecmp(&kind->type, "multipart") != 0 ||
        msg_param_decode(&kind->params, "boundary", &boundary))
        return (struct ptn_bytes){0};
    if (boundary.l >= 2 && boundary.p[0] == '"')
        boundary.p++, boundary.l -= 2;
    /* RFC 2046 §5.1.1: 70 characters at most. */
    if (boundary.l == 0 || boundary.l > 70)
        return (struct ptn_bytes){0};
    memcpy(text, "\r\n--", 4);
    memcpy(text + 4, boundary.p, boundary.l);
    struct pl delimiter = {text, boundary.l + 4}, first = {text + 2, boundary.l + 2};
    bool more = skip_behind(&rest, first);
    while (more && take_part(&rest, delimiter, &headers, &content))
        if (has_kind(headers, type, subtype))
            return ptn_bytes(content.p, content.l);
    return (struct ptn_bytes){0};
}
