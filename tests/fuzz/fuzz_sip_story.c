/*
 * tests/fuzz/fuzz_sip_story.c - a story told by the input: what the peer says, what the owner
 * does, and how time passes.
 *
 *   byte 0: what happens · byte 1: how many bytes follow · those bytes
 *
 * The peer can answer the agent's last request, or its last INVITE, and ask within its last dialog,
 * so a fuzzer need not guess tags and branches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sip/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 8192, STEPS_MAX = 60 };

struct story {
    struct ptn_sip *s;
    ptn_time now;
    ptn_id udp, query;
    ptn_sip_id account, call;
    char asked[TEXT_MAX], answered[TEXT_MAX]; /* by the agent, last */
    char invited[TEXT_MAX];                   /* its last INVITE, which others may follow */
};

static const char sdp_text[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\n"
                               "t=0 0\r\nm=audio 7000 RTP/AVP 8\r\n";

static void drain(struct story *st)
{
    struct ptn_sip_event ev;
    struct ptn_ask ask;

    ptn_sip_tick(st->s, st->now);
    while (ptn_sip_output(st->s, st->now, &ask)) {
        if (ask.kind == PTN_ASK_RESOLVE)
            st->query = ask.id;
        if (ask.kind != PTN_ASK_DATAGRAM || ask.bytes.size < 8)
            continue;
        bool response = memcmp(ask.bytes.data, "SIP/2.0 ", 8) == 0;
        if (response || memcmp(ask.bytes.data, "ACK ", 4) != 0)
            snprintf(response ? st->answered : st->asked, TEXT_MAX, "%.*s", (int)ask.bytes.size,
                     (const char *)ask.bytes.data);
        if (memcmp(ask.bytes.data, "INVITE ", 7) == 0)
            memcpy(st->invited, st->asked, TEXT_MAX);
    }
    while (ptn_sip_event(st->s, &ev))
        if (ev.kind == PTN_SIP_INCOMING || ev.kind == PTN_SIP_REDIRECTED)
            st->call = ev.call;
}

static void tell(struct story *st, const char *text, size_t size)
{
    ptn_sip_input(st->s, st->now,
                  &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                     .id = st->udp,
                                     .from = ptn_addr_v4(192, 0, 2, 9, 5060),
                                     .bytes = ptn_bytes(text, size)});
}

/* "Name: value" of `message` as a line under another name. */
static void copy_header(char *to, const char *message, const char *name, const char *as,
                        const char *after)
{
    size_t used = strlen(to), size = strlen(name);

    for (const char *line = strchr(message, '\n'); line; line = strchr(line, '\n'))
        if (strncasecmp(++line, name, size) == 0 && line[size] == ':') {
            snprintf(to + used, TEXT_MAX - used, "%s%.*s%s\r\n", as,
                     (int)strcspn(line + size, "\r\n"), line + size, after);
            return;
        }
}

/* The rest of the step: header lines, and a description where it ends with '!'. */
static void finish(struct story *st, char *text, struct ptn_bytes rest)
{
    bool describe = rest.size > 0 && rest.data[rest.size - 1] == '!';
    size_t used = strlen(text);

    snprintf(text + used, TEXT_MAX - used, "%.*s%s\r\n%s", (int)(rest.size - describe),
             rest.size ? (const char *)rest.data : "",
             describe ? "Content-Type: application/sdp\r\n" : "", describe ? sdp_text : "");
    tell(st, text, strlen(text));
}

static void answer(struct story *st, const char *asked, struct ptn_bytes step)
{
    static const unsigned statuses[] = {100, 180, 183, 200, 202, 302, 401, 407, 408, 423, 481,
                                        486, 487, 491, 500, 503, 603, 199, 300, 421, 422};
    char text[TEXT_MAX];
    unsigned which = step.size ? step.data[0] : 0;

    snprintf(text, sizeof text, "SIP/2.0 %u X\r\n",
             statuses[which % (sizeof statuses / sizeof statuses[0])]);
    copy_header(text, asked, "Via", "Via", "");
    copy_header(text, asked, "From", "From", "");
    copy_header(text, asked, "To", "To", strstr(asked, ";tag=peer") ? "" : ";tag=peer");
    copy_header(text, asked, "Call-ID", "Call-ID", "");
    copy_header(text, asked, "CSeq", "CSeq", "");
    finish(st, text, step.size ? ptn_bytes(step.data + 1, step.size - 1) : step);
}

static void ask(struct story *st, struct ptn_bytes step)
{
    static const char *const methods[] = {"INVITE", "ACK",    "BYE",    "CANCEL", "OPTIONS",
                                          "INFO",   "NOTIFY", "UPDATE", "PRACK",  "REFER"};
    char text[TEXT_MAX];
    const char *method = methods[step.size ? step.data[0] % 10 : 0];
    unsigned cseq = step.size > 1 ? step.data[1] : 1, branch = step.size > 2 ? step.data[2] : 1;
    /* Within the dialog of an INVITE of theirs, of one of ours, or outside. */
    unsigned dialog = step.size > 3 ? step.data[3] % 3 : 2;

    snprintf(text, sizeof text,
             "%s sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK%u\r\n",
             method, branch);
    const char *of = dialog == 0 ? st->answered : st->asked;
    if (dialog < 2) {
        copy_header(text, of, dialog == 0 ? "From" : "To", "From", dialog == 0 ? "" : ";tag=peer");
        copy_header(text, of, dialog == 0 ? "To" : "From", "To", "");
        copy_header(text, of, "Call-ID", "Call-ID", "");
    } else {
        strcat(text, "From: <sip:p@x>;tag=p\r\nTo: <sip:bob@x>\r\nCall-ID: c\r\n");
    }
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "CSeq: %u %s\r\nContact: <sip:p@192.0.2.9>\r\n", cseq,
             method);
    finish(st, text, step.size > 4 ? ptn_bytes(step.data + 4, step.size - 4) : ptn_bytes("", 0));
}

static struct ptn_sdp description(void)
{
    struct ptn_sdp sdp;

    if (ptn_sdp_parse(ptn_bytes_of_text(sdp_text), &sdp) != PTN_SDP_OK)
        abort();
    return sdp;
}

static void act(struct story *st, uint8_t what)
{
    struct ptn_sip_path path = {st->udp, ptn_addr_v4(203, 0, 113, what, 5060)};
    struct ptn_sdp sdp = description();

    switch (what % 13) {
    case 0: (void)ptn_sip_call(st->s, st->now, st->account, "1002", NULL, &sdp, &st->call); break;
    case 1: ptn_sip_call_hang_up(st->s, st->now, st->call); break;
    case 2: ptn_sip_call_accept(st->s, st->now, st->call, NULL, &sdp); break;
    case 3: ptn_sip_call_progress(st->s, st->now, st->call, 180, NULL, NULL); break;
    case 4: ptn_sip_call_reject(st->s, st->now, st->call, 486); break;
    case 5: (void)ptn_sip_call_modify(st->s, st->now, st->call, NULL, &sdp); break;
    case 6: ptn_sip_register(st->s, st->now, st->account); break;
    case 7: ptn_sip_unregister(st->s, st->now, st->account); break;
    case 8: ptn_sip_account_use(st->s, st->now, st->account, &path); break;
    case 9:
        (void)ptn_sip_call(st->s, st->now, st->account, "sip:x@name.example", NULL, &sdp,
                           &st->call);
        break;
    case 10: ptn_sip_account_remove(st->s, st->now, st->account); break;
    case 11: ptn_sip_call_progress(st->s, st->now, st->call, 183, NULL, &sdp); break;
    case 12: (void)ptn_sip_call_follow(st->s, st->now, st->call, NULL, &sdp); break;
    }
}

static void resolve(struct story *st, struct ptn_bytes step)
{
    struct ptn_dns_record records[2] = {
        {.type = PTN_DNS_SRV, .ttl_s = 60, .port = 5060, .target = "a.example"},
        {.type = PTN_DNS_A, .ttl_s = 60, .addr = ptn_addr_v4(192, 0, 2, 9, 0)}};
    unsigned which = step.size ? step.data[0] % 4 : 0;

    ptn_sip_input(st->s, st->now,
                  &(struct ptn_tell){.kind = which == 3 ? PTN_TELL_FAILED : PTN_TELL_RESOLVED,
                                     .id = st->query,
                                     .why = PTN_ERR_TIMED_OUT,
                                     .records = records + which % 2,
                                     .record_count = which == 2 ? 0 : 1});
}

static bool begin(struct story *st)
{
    struct ptn_sip_opts opts = {
        .id_first = 1, .id_count = 50, .transactions_max = 16, .dice = ptn_dice_seeded(1)};
    struct ptn_addr local = ptn_addr_v4(192, 0, 2, 1, 5060);
    struct ptn_sip_account account = {.user = "bob",
                                      .password = "secret",
                                      .registers = true,
                                      .instance = "urn:uuid:1",
                                      .keepalive = PTN_SIP_KEEPALIVE_OPTIONS,
                                      .reliable = true,
                                      .mailbox = "",
                                      .server = {.name = "192.0.2.9", .port = 5060}};

    *st = (struct story){.now = PTN_S(1)};
    if (ptn_sip_new(&opts, &st->s))
        return false;
    st->udp = ptn_sip_listen(st->s, st->now, PTN_UDP, &local);
    ptn_sip_input(st->s, st->now,
                  &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = st->udp, .local = local});
    if (ptn_sip_account_add(st->s, st->now, &account, &st->account))
        abort();
    ptn_sip_account_use(st->s, st->now, st->account, &(struct ptn_sip_path){st->udp, local});
    drain(st);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct story st;

    if (!begin(&st))
        return 0;
    for (unsigned i = 0; i < STEPS_MAX && size >= 2; i++) {
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        struct ptn_bytes step = {data + 2, length};
        switch (data[0] % 7) {
        case 0: tell(&st, (const char *)step.data, step.size); break;
        case 1: answer(&st, st.asked, step); break;
        case 2: ask(&st, step); break;
        case 3: st.now += PTN_MS(250) * (length ? step.data[0] : 1); break;
        case 4: act(&st, length ? step.data[0] : 0); break;
        case 5: resolve(&st, step); break;
        case 6: answer(&st, st.invited, step); break;
        }
        drain(&st);
        if (ptn_sip_deadline(st.s) <= st.now)
            abort();
        data += 2 + length;
        size -= 2 + length;
    }
    ptn_sip_free(st.s);
    return 0;
}
