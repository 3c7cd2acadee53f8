/*
 * ua/transfer.c - a call handed on: by us, by the far end, or to us.
 *
 *     by us     the far end calls somebody else; when that one has answered, we hang up
 *     by them   we call whom they name; our first call is theirs to end
 *     to us     a call comes that replaces one we have: answered at once, the old one ended
 */
#include <stdio.h>
#include <string.h>

#include "ua/inside.h"

bool ptn_ua_transfer(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id id, const char *target,
                     ptn_ua_call_id other_id)
{
    struct ptn_ua_call *call = ptn_ua_find_call(ua, id);
    const struct ptn_ua_call *other = ptn_ua_find_call(ua, other_id);

    return call && call->state == PTN_UA_CALL_UP && (other || (!other_id && target)) &&
           ptn_sip_call_refer(ua->sip, now, call->sip, target, other ? other->sip : 0);
}

void ptn_ua_transfer_told(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                          const struct ptn_sip_event *ev)
{
    struct ptn_ua_event *told = ptn_ua_tell(ua, PTN_UA_TRANSFER);

    told->call = call->id;
    told->status = ev->status;
    if (ev->status >= 200 && ev->status < 300)
        ptn_ua_call_hang_up(ua, now, call);
}

void ptn_ua_transfer_wanted(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                            const struct ptn_sip_event *ev)
{
    ptn_ua_call_id id = 0;
    char target[PTN_UA_TARGET_MAX];

    snprintf(target, sizeof target, "%s", ev->called ? ev->called : "");
    enum ptn_err err = ptn_ua_dial(ua, now, call->account, target, &id);
    struct ptn_ua_call *follower = err ? NULL : ptn_ua_find_call(ua, id);
    if (!follower) {
        ptn_log(ua->opts.log, PTN_LOG_WARN, "call %u: handed on to somebody who cannot be called",
                (unsigned)call->id);
        ptn_sip_call_refer_progress(ua->sip, now, call->sip, 503);
        return;
    }
    follower->follows = call->id;
    ptn_ua_tell_referred(ua, call, follower);
}

void ptn_ua_transfer_followed(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                              unsigned status)
{
    const struct ptn_ua_call *first = ptn_ua_find_call(ua, call->follows);

    if (first)
        ptn_sip_call_refer_progress(ua->sip, now, first->sip, status);
    if (status >= 200)
        call->follows = 0;
}

void ptn_ua_transfer_replaced(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_call *old = ptn_ua_find_call(ua, call->replaces);

    call->replaces = 0;
    if (old)
        ptn_ua_call_hang_up(ua, now, old);
}
