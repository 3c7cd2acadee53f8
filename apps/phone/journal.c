/*
 * phone/journal.c - the life of a call in lines of the log.
 */
#include <stdio.h>

#include "phone/phone.h"

static void tell_end(const struct ptn_ua_event *ev, const struct ptn_log *log)
{
    char status[32] = "";
    if (ev->status)
        snprintf(status, sizeof status, " %u", ev->status);
    ptn_log(log, PTN_LOG_INFO, "call %u: ended, %s%s%s%s", (unsigned)ev->call,
            phone_report_ended_text(ev->ended), status, ev->reason && ev->reason[0] ? " " : "",
            ev->reason ? ev->reason : "");
    const struct ptn_stream_stats *s = ev->stats;
    if (!s)
        return;
    char rtt[40] = "";
    if (s->rtt != PTN_NEVER)
        snprintf(rtt, sizeof rtt, ", round trip %lld ms", (long long)ptn_time_ms(s->rtt));
    bool silent = s->received_packets == 0;
    ptn_log(log, silent ? PTN_LOG_WARN : PTN_LOG_INFO,
            "call %u: %s%llu packets sent, %llu received, %lld lost, %llu late%s",
            (unsigned)ev->call, silent ? "nothing was heard: " : "",
            (unsigned long long)s->sent_packets, (unsigned long long)s->received_packets,
            (long long)s->lost, (unsigned long long)s->late, rtt);
}

void phone_journal_event(const struct ptn_ua_event *ev, const struct ptn_log *log)
{
    unsigned call = (unsigned)ev->call;
    switch (ev->kind) {
    case PTN_UA_INCOMING:
        ptn_log(log, PTN_LOG_INFO, "call %u: from %s", call, ev->peer ? ev->peer : "somebody");
        break;
    case PTN_UA_RINGING: ptn_log(log, PTN_LOG_INFO, "call %u: rings there", call); break;
    case PTN_UA_ANSWERED: ptn_log(log, PTN_LOG_INFO, "call %u: answered", call); break;
    case PTN_UA_HEARD: ptn_log(log, PTN_LOG_INFO, "call %u: the far end is heard", call); break;
    case PTN_UA_HOLD:
        ptn_log(log, PTN_LOG_INFO, "call %u: %s", call,
                ev->held         ? ev->held_there ? "on hold on both sides" : "on hold"
                : ev->held_there ? "put on hold by the far end"
                                 : "goes on");
        break;
    case PTN_UA_CHANGE_FAILED:
        ptn_log(log, PTN_LOG_WARN, "call %u: the far end did not take the change: %u", call,
                ev->status);
        break;
    case PTN_UA_TRANSFER:
        ptn_log(log, ev->status >= 300 ? PTN_LOG_WARN : PTN_LOG_INFO, "call %u: transfer: %u", call,
                ev->status);
        break;
    case PTN_UA_REFERRED:
        ptn_log(log, PTN_LOG_INFO, "call %u: handed on to %s, as call %u", call, ev->peer,
                (unsigned)ev->other);
        break;
    case PTN_UA_MESSAGE: ptn_log(log, PTN_LOG_INFO, "text from %s", ev->peer); break;
    case PTN_UA_MESSAGES_WAITING:
        ptn_log(log, PTN_LOG_INFO, "mailbox: %u new, %u old", ev->messages_new, ev->messages_old);
        break;
    case PTN_UA_ENDED: tell_end(ev, log); break;
    default: break;
    }
}
