/*
 * tests/unit/sip/test_torture.c - the messages of tests/vectors/torture.h, one by one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vectors/torture.h"
#include "world.h"

static void send_bytes(struct world *w, const struct torture *t)
{
    size_t size = t->size ? t->size : strlen(t->text);
    /* A copy of exact size, so that a sanitizer sees a read past the end. */
    uint8_t *copy = malloc(size);

    CHECK(copy != NULL);
    memcpy(copy, t->text, size);
    ptn_sip_input(w->agents[BOB], w->now,
                  &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                     .id = w->udp[BOB],
                                     .from = w->peer,
                                     .bytes = ptn_bytes(copy, size)});
    free(copy);
}

static enum ptn_sip_verdict verdict_of(const struct ptn_sip *s)
{
    enum ptn_sip_verdict verdict = 0;

    while (verdict < PTN_SIP_VERDICTS && ptn_sip_count(s, verdict) == 0)
        verdict++;
    return verdict;
}

TEST(hard_messages_are_read_and_broken_ones_refused_as_rfc_4475_says)
{
    for (unsigned i = 0; i < TORTURE_COUNT; i++) {
        const struct torture *t = &torture[i];
        struct world *w = world_new(4475);
        world_plain_account(w, BOB, "bob");
        w->received[0] = '\0';
        send_bytes(w, t);
        world_run(w, PTN_MS(100));
        enum ptn_sip_verdict verdict = verdict_of(w->agents[BOB]);
        if (t->answer[0] ? strncmp(w->received, t->answer, strlen(t->answer)) != 0
                         : w->received[0] != '\0')
            fail_msg("%s, %s: answered with %.40s", t->section, t->about, w->received);
        if (verdict != t->verdict)
            fail_msg("%s, %s: counted as %s", t->section, t->about, ptn_sip_verdict_text(verdict));
        world_free(w);
    }
}

TEST(after_all_of_them_the_agent_answers_as_before)
{
    struct world *w = world_new(4476);

    world_plain_account(w, BOB, "bob");
    for (unsigned i = 0; i < TORTURE_COUNT; i++)
        send_bytes(w, &torture[i]);
    world_send(w, BOB,
               "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n" TORTURE_HEAD("after", "OPTIONS")
                   TORTURE_NO_BODY);
    const char *ok = world_receive(w, "SIP/2.0 200");
    while (!strstr(ok, "Call-ID: after@"))
        ok = world_receive(w, "SIP/2.0 200");
    world_free(w);
}
