/*
 * What strangers do who have found our port.
 */
#include <stdio.h>

#include "unit/sip/world.h"

enum { CONNS = 64, THEIRS = 40 };

/* An agent that listens on TCP, and nothing else. */
static struct ptn_sip *listener(ptn_id *listens)
{
    static const struct ptn_addr local = {.ip = {192, 0, 2, 1}, .port = 5060, .family = PTN_IPV4};
    struct ptn_sip *s;
    struct ptn_ask ask;

    CHECK_EQ(PTN_OK, ptn_sip_new(&(struct ptn_sip_opts){.id_first = 1,
                                                        .id_count = 1000,
                                                        .dice = ptn_dice_seeded(1)},
                                 &s));
    *listens = ptn_sip_listen(s, 0, PTN_TCP, &local);
    while (ptn_sip_output(s, 0, &ask))
        ;
    ptn_sip_input(s, 0,
                  &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = *listens, .local = local});
    return s;
}

/* Answers the id that was closed because of it, or 0. */
static ptn_id accept_from(struct ptn_sip *s, ptn_time now, ptn_id listens, ptn_id id, uint8_t last)
{
    struct ptn_ask ask;
    ptn_id closed = 0;

    ptn_sip_input(s, now,
                  &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                     .id = id,
                                     .listener = listens,
                                     .transport = PTN_TCP,
                                     .from = ptn_addr_v4(198, 51, 100, last, (uint16_t)id)});
    while (ptn_sip_output(s, now, &ask))
        if (ask.kind == PTN_ASK_CLOSE)
            closed = ask.id;
    return closed;
}

TEST(who_connects_without_end_leaves_places_for_our_own_connections_and_for_others)
{
    ptn_id listens, first = PTN_ID_WORLD + 1;
    struct ptn_sip *s = listener(&listens);

    CHECK_EQ(0, accept_from(s, 0, listens, first, 7)); /* the registrar, say */
    for (ptn_id i = 1; i < CONNS; i++) {
        ptn_id closed = accept_from(s, PTN_MS(i), listens, first + i, 9);
        CHECK_EQ(i < THEIRS ? 0 : first + i - THEIRS + 1, closed); /* the longest silent of his */
    }
    CHECK(accept_from(s, PTN_S(1), listens, first + CONNS, 8) != first);
    CHECK(ptn_sip_owns(s, first));
    CHECK(ptn_sip_owns(s, first + CONNS));
    ptn_sip_free(s);
}

static void invite(struct world *w, unsigned from, unsigned number)
{
    char text[WORLD_TEXT];

    w->peer.ip[3] = (uint8_t)from;
    snprintf(
        text, sizeof text,
        "INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.%u;branch=z9hG4bK%u\r\n"
        "From: <sip:100@192.0.2.%u>;tag=e%u\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: c%u\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:100@192.0.2.%u>\r\nMax-Forwards: 70\r\n"
        "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
        from, number, from, number, number, from, strlen(WORLD_SDP_TEXT), WORLD_SDP_TEXT);
    world_send(w, ALICE, text);
}

TEST(strangers_who_ring_all_day_leave_room_for_who_comes_by_our_server)
{
    enum { CALLS_MAX = 32 };
    struct world *w = world_new(830);
    struct ptn_sip_account account = {.user = "alice", .server = {.name = "192.0.2.9"}};

    world_registering_account(w, ALICE, &account);
    world_run(w, PTN_S(1));
    for (unsigned i = 0; i < CALLS_MAX; i++) {
        invite(w, 11, i);
        world_receive(w, i < CALLS_MAX / 2 ? "SIP/2.0 100" : "SIP/2.0 486");
    }
    invite(w, 9, 100);
    const char *answer = world_receive(w, "SIP/2.0 100");
    CHECK(strstr(answer, "Call-ID: c100\r\n"));
    world_free(w);
}
