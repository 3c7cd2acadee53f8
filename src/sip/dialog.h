/*
 * sip/dialog.h - who talks to whom, through which proxies, and what comes next.
 *
 * Texts are kept flat and whole (tags included), so that a request is printed from them as
 * they are. RFC 3261 §12.
 */
#ifndef PTN_SIP_DIALOG_H
#define PTN_SIP_DIALOG_H

#include "sip/msg.h"

struct ptn_sip_dialog {
    char *call_id;
    char *local, *remote;         /* From and To of our requests */
    char *local_tag, *remote_tag; /* remote "" until the far end has answered */
    char *target;                 /* remote target URI */
    char *route_set;              /* comma-separated, in the order of our requests */
    char *uri, *routes;           /* Request-URI and Route that follow from these: §12.2.1.1 */
    uint32_t local_cseq, remote_cseq;
    bool remote_cseq_known;
};

/* Before the first request: `from` without tag. False: no memory; fini() in any case. */
bool ptn_sip_dialog_call(struct ptn_sip_dialog *d, struct ptn_dice *dice, const char *from,
                         const char *to, const char *target, const char *route);

/* The same before its first request was answered: to another server, which has another name. */
bool ptn_sip_dialog_readdress(struct ptn_sip_dialog *d, const char *from, const char *to,
                              const char *target, const char *route);

/* From an INVITE received; our tag is drawn. False: no Contact that can be used, or no memory. */
bool ptn_sip_dialog_called(struct ptn_sip_dialog *d, struct ptn_dice *dice,
                           const struct ptn_sip_in *invite);

/* From a 2xx to our INVITE, possibly another fork's: a dialog of its own beginning as `d`.
 * False: it has no tag or Contact, or no memory. */
bool ptn_sip_dialog_answered(struct ptn_sip_dialog *out, const struct ptn_sip_dialog *d,
                             const struct ptn_sip_in *response);

/* Ours that nobody has answered yet: a NOTIFY of its other side is as good. False as above. */
bool ptn_sip_dialog_notified(struct ptn_sip_dialog *d, const struct ptn_sip_in *notify);

/* Target refresh (§12.2.1.2): a message of the dialog with a Contact. */
void ptn_sip_dialog_refresh(struct ptn_sip_dialog *d, const struct ptn_sip_in *in);

/* Before it is answered: the same call to another URI, with the same To. False: no memory. */
bool ptn_sip_dialog_retarget(struct ptn_sip_dialog *d, const char *target);

/* Is the request of this dialog? */
bool ptn_sip_dialog_has(const struct ptn_sip_dialog *d, const struct ptn_sip_in *request);

/* False: out of order, to be answered 500 (§12.2.2). ACK and CANCEL are not asked about. */
bool ptn_sip_dialog_take_cseq(struct ptn_sip_dialog *d, const struct ptn_sip_in *request);

/* Fills URI, Route, From, To and Call-ID of a request; CSeq is the caller's. */
void ptn_sip_dialog_fill(const struct ptn_sip_dialog *d, struct ptn_sip_request *r);

/* The URI whose host a request of the dialog is sent to. */
struct pl ptn_sip_dialog_next_hop(const struct ptn_sip_dialog *d);

void ptn_sip_dialog_fini(struct ptn_sip_dialog *d);

/* The URI within "Name <uri>;params" or of a bare one; false: neither. */
bool ptn_sip_uri_of(struct pl value, struct pl *uri);

#endif
