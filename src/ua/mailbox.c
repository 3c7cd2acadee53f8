/*
 * ua/mailbox.c - what is known of an account's waiting messages, asked for or told unasked.
 */
#include "ua/inside.h"

static void subscribed(const struct ptn_ua *ua, ptn_time now, struct ptn_ua_account_here *a,
                       const struct ptn_sip_event *ev)
{
    if (a->mailbox.state != PTN_UA_MAILBOX_SUBSCRIBED)
        ptn_log(ua->opts.log, PTN_LOG_INFO, "%s: its mailbox tells of new messages, for %u s",
                a->opts.user, ev->lease_s);
    a->mailbox.state = PTN_UA_MAILBOX_SUBSCRIBED;
    a->mailbox.until = ptn_time_add(now, PTN_S(ev->lease_s));
}

static void failed(const struct ptn_ua *ua, ptn_time now, struct ptn_ua_account_here *a,
                   const struct ptn_sip_event *ev)
{
    /* The same over and over is no news. */
    enum ptn_log_level level =
        a->mailbox.state == PTN_UA_MAILBOX_FAILED && a->mailbox.last_status == ev->status
            ? PTN_LOG_DEBUG
            : PTN_LOG_WARN;

    a->mailbox.state = PTN_UA_MAILBOX_FAILED;
    a->mailbox.last_status = ev->status;
    a->mailbox.until = ptn_time_add(now, ev->retry_in);
    if (ev->status)
        ptn_log(ua->opts.log, level, "%s: its mailbox does not tell of new messages: %u %s",
                a->opts.user, ev->status, ev->reason);
    else
        ptn_log(ua->opts.log, level, "%s: its mailbox tells of new messages no longer, or not yet",
                a->opts.user);
}

void ptn_ua_mailbox_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    unsigned i = ptn_ua_account_of(ua, ev->account);
    struct ptn_ua_account_here *a = &ua->accounts[i];

    if (i == ua->opts.account_count)
        return;
    switch (ev->kind) {
    case PTN_SIP_SUBSCRIBED: subscribed(ua, now, a, ev); break;
    case PTN_SIP_SUBSCRIBE_FAILED: failed(ua, now, a, ev); break;
    case PTN_SIP_MESSAGES_WAITING:
        a->mailbox.heard = true;
        a->mailbox.waiting = ev->waiting;
        a->mailbox.messages_new = ev->messages_new;
        a->mailbox.messages_old = ev->messages_old;
        ptn_ua_tell_note(ua, ev);
        break;
    default: break;
    }
}
