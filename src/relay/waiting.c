/*
 * relay/waiting.c - places for requests, and a ring of mail.
 */
#include "relay/waiting.h"

#include <assert.h>

#define PATIENCE PTN_S(2)

bool ptn_relay_waiting_add(struct ptn_relay_waiting *w, ptn_time now, bool for_socket, ptn_id path,
                           const struct ptn_addr *from, struct ptn_bytes bytes)
{
    if (bytes.size > PTN_RELAY_WAITING_BYTES)
        return false;
    for (size_t i = 0; i < PTN_RELAY_WAITING_MAX; i++) {
        if (w->requests[i].path != 0 && now - w->requests[i].since < PATIENCE)
            continue;
        w->requests[i].path = path;
        w->requests[i].for_socket = for_socket;
        w->for_sockets += for_socket;
        w->requests[i].from = *from;
        w->requests[i].since = now;
        w->requests[i].size = bytes.size;
        memcpy(w->requests[i].bytes, bytes.data, bytes.size);
        return true;
    }
    return false;
}

bool ptn_relay_waiting_mail(struct ptn_relay_waiting *w, const struct ptn_relay_mail *mail)
{
    if (w->mail_count == PTN_RELAY_MAILS_MAX || mail->bytes.size > PTN_RELAY_WAITING_BYTES)
        return false;
    size_t place = (w->mail_first + w->mail_count++) % PTN_RELAY_MAILS_MAX;
    w->mails[place].mail = *mail;
    if (mail->bytes.size > 0)
        memcpy(w->mails[place].bytes, mail->bytes.data, mail->bytes.size);
    w->mails[place].mail.bytes = ptn_bytes(w->mails[place].bytes, mail->bytes.size);
    return true;
}

bool ptn_relay_waiting_append(struct ptn_relay_waiting *w, struct ptn_bytes bytes)
{
    assert(w->mail_count > 0);
    size_t place = (w->mail_first + w->mail_count - 1) % PTN_RELAY_MAILS_MAX;
    struct ptn_bytes *has = &w->mails[place].mail.bytes;

    if (bytes.size > PTN_RELAY_WAITING_BYTES - has->size) {
        w->mail_count--;
        return false;
    }
    memcpy(w->mails[place].bytes + has->size, bytes.data, bytes.size);
    has->size += bytes.size;
    return true;
}

bool ptn_relay_waiting_next_mail(struct ptn_relay_waiting *w, struct ptn_relay_mail *mail)
{
    if (w->mail_count == 0)
        return false;
    *mail = w->mails[w->mail_first].mail;
    w->mail_first = (w->mail_first + 1) % PTN_RELAY_MAILS_MAX;
    w->mail_count--;
    return true;
}
