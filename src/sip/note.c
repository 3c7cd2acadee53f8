/*
 * sip/note.c - what is said outside of calls: texts (RFC 3428) and waiting messages (RFC 3842).
 *
 * A text of ours is one MESSAGE, kept until it is answered, because its first answer may be a
 * challenge. That a mailbox has something to say comes as a NOTIFY nobody subscribed to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { URI_MAX = 1100, HEADERS_MAX = 4000 };

/* ---- ours ---- */

static struct ptn_sip_note *find(struct ptn_sip *s, ptn_sip_id id)
{
    for (unsigned i = 0; i < PTN_SIP_NOTES_MAX; i++)
        if (s->notes[i].id == id)
            return &s->notes[i];
    return NULL;
}

static void fini(struct ptn_sip_note *n)
{
    ptn_sip_dialog_fini(&n->dialog);
    free(n->text);
    free(n->dialled);
    *n = (struct ptn_sip_note){0};
}

static bool send_note(struct ptn_sip *s, ptn_time now, struct ptn_sip_note *n,
                      struct ptn_sip_acct *a)
{
    char headers[HEADERS_MAX];
    struct ptn_sip_ask_request ask = {
        .user = PTN_SIP_FOR_NOTE, .user_id = n->id, .account = a->id, .path = a->path};

    if (!ptn_sip_account_aim(a, &ask.target) &&
        !ptn_sip_target_of_uri(ptn_pl(n->dialog.uri), &ask.target))
        return false;
    ptn_sip_dialog_fill(&n->dialog, &ask.request);
    ask.new_business = true;
    n->way = a->way;
    ask.request.method = "MESSAGE";
    ask.request.cseq = ++n->dialog.local_cseq;
    ask.request.type = "text/plain;charset=utf-8";
    ask.request.text = n->text;
    if (ptn_sip_account_authorize(s, a, "MESSAGE", n->dialog.uri, headers, sizeof headers))
        ask.request.headers = headers;
    return ptn_sip_exchange_ask(s, now, &ask) != 0;
}

enum ptn_err ptn_sip_message(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                             const char *target, const char *text, ptn_sip_id *message)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    char uri[URI_MAX], to[URI_MAX + 2];

    if (!a || !text[0] || strlen(text) > PTN_SIP_TEXT_BYTES_MAX ||
        !ptn_sip_print_target(a, target, uri, sizeof uri))
        return PTN_ERR_INVALID;
    if (!ptn_sip_find_socket(s, a->path.socket))
        return PTN_ERR_UNREACHABLE;
    struct ptn_sip_note *n = find(s, 0);
    if (!n)
        return PTN_ERR_NO_ROOM;
    snprintf(to, sizeof to, "<%s>", uri);
    n->id = ++s->last_id;
    n->account = account;
    n->text = strdup(text);
    bool made =
        n->text && ptn_sip_replace(&n->dialled, ptn_pl(target)) &&
        ptn_sip_dialog_call(&n->dialog, &s->dice, a->aor, to, uri, ptn_sip_account_route(a));
    if (!made || !send_note(s, now, n, a)) {
        fini(n);
        return made ? PTN_ERR_NO_ROOM : PTN_ERR_NO_MEMORY;
    }
    *message = n->id;
    return PTN_OK;
}

void ptn_sip_note_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id id,
                           const struct ptn_sip_in *in)
{
    struct ptn_sip_note *n = find(s, id);
    unsigned status = in ? in->msg->scode : 0;
    struct ptn_sip_acct *a = n ? ptn_sip_find_account(s, n->account) : NULL;

    if (!n || (in && status < 200))
        return;
    if ((status == 401 || status == 407) && a && ptn_sip_account_challenged(s, a, &n->chain, in) &&
        send_note(s, now, n, a))
        return;
    /* As with calls: the server has failed, and there is another one. */
    if ((!in || status == 503) && a && a->way != n->way && ++n->moves < a->way_count &&
        ptn_sip_account_readdress(a, &n->dialog, n->dialled) && send_note(s, now, n, a))
        return;
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_MESSAGE_SENT,
                                            .account = n->account,
                                            .message = id,
                                            .status = status,
                                            .reason = status ? ptn_sip_reason(status) : NULL});
    fini(n);
}

void ptn_sip_notes_fini(struct ptn_sip *s)
{
    for (unsigned i = 0; i < PTN_SIP_NOTES_MAX; i++)
        fini(&s->notes[i]);
}

/* ---- theirs ---- */

void ptn_sip_note_received(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                           struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    if (in->body.size > 0 && !msg_ctype_cmp(&in->msg->ctyp, "text", "plain")) {
        ptn_sip_reject(s, now, id, 415, "Accept: text/plain\r\n");
        return;
    }
    if (in->body.size > PTN_SIP_TEXT_BYTES_MAX) {
        ptn_sip_reject(s, now, id, 413, NULL);
        return;
    }
    char *peer = ptn_sip_dup(in->msg->from.auri), *name = ptn_sip_dup(in->msg->from.dname);
    ptn_sip_reject(s, now, id, 200, NULL);
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_MESSAGE,
                                            .account = a->id,
                                            .peer = peer,
                                            .peer_name = name,
                                            .text = in->body});
    free(peer);
    free(name);
}

/* The value of a line "Name: value" of a body; empty when there is none. */
static struct pl body_line(struct pl body, const char *name)
{
    size_t size = strlen(name);

    while (body.l > size) {
        const char *end = memchr(body.p, '\n', body.l);
        struct pl line = {body.p, end ? (size_t)(end - body.p) : body.l};
        if (line.l > size && strncasecmp(line.p, name, size) == 0 && line.p[size] == ':')
            return (struct pl){line.p + size + 1, line.l - size - 1};
        pl_advance(&body, end ? (ssize_t)line.l + 1 : (ssize_t)body.l);
    }
    return (struct pl){0};
}

/* " 2/8 (0/2)": new and old ones. */
static void read_counts(struct pl value, uint32_t *fresh, uint32_t *old)
{
    struct pl first, second;

    *fresh = *old = 0;
    if (value.l && re_regex(value.p, value.l, "[0-9]+/[0-9]+", &first, &second) == 0) {
        ptn_sip_number(first, 100000, fresh);
        ptn_sip_number(second, 100000, old);
    }
}

void ptn_sip_mailbox_says(struct ptn_sip *s, const struct ptn_sip_acct *a,
                          const struct ptn_sip_in *in)
{
    struct pl body = ptn_pl_bytes(in->body), waiting = body_line(body, "Messages-Waiting"), end;
    struct ptn_sip_event ev = {.kind = PTN_SIP_MESSAGES_WAITING, .account = a->id};

    if (!waiting.l)
        return;
    ev.waiting = re_regex(waiting.p, waiting.l, "yes", &end) == 0;
    read_counts(body_line(body, "Voice-Message"), &ev.messages_new, &ev.messages_old);
    ptn_sip_tell(s, &ev);
}

void ptn_sip_note_notified(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                           struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    struct pl event = ptn_sip_in_value(in, SIP_HDR_EVENT);

    if (event.l < 15 || strncasecmp(event.p, "message-summary", 15) != 0) {
        ptn_sip_reject(s, now, id, 489, NULL);
        return;
    }
    ptn_sip_reject(s, now, id, 200, NULL);
    ptn_sip_mailbox_says(s, a, in);
}
