/*
 * A name server of the test's own on loopback: one answer per question, or none.
 */
#include "os/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "os/clock.h"
#include "os/dns_answer.h"
#include "support/test.h"

enum { A = 1, CNAME = 5, AAAA = 28, SRV = 33, NAPTR = 35 };

/* ---- DNS messages by hand ---- */

static void write_name(struct ptn_writer *w, const char *name)
{
    while (*name) {
        size_t size = strcspn(name, ".");
        ptn_write_u8(w, (uint8_t)size);
        ptn_write(w, ptn_bytes(name, size));
        name += size + (name[size] == '.');
    }
    ptn_write_u8(w, 0);
}

static void write_text(struct ptn_writer *w, const char *text)
{
    ptn_write_u8(w, (uint8_t)strlen(text));
    ptn_write(w, ptn_bytes_of_text(text));
}

/* A record up to its data; answers where the data's size goes. */
static uint8_t *begin_record(struct ptn_writer *w, const char *name, uint16_t type, uint32_t ttl)
{
    write_name(w, name);
    ptn_write_u16(w, type);
    ptn_write_u16(w, 1);
    ptn_write_u32(w, ttl);
    return ptn_write_room(w, 2);
}

static void end_record(struct ptn_writer *w, uint8_t *size_at)
{
    size_t size = (size_t)(w->at - size_at) - 2;

    size_at[0] = (uint8_t)(size >> 8);
    size_at[1] = (uint8_t)size;
}

static void write_a(struct ptn_writer *w, const char *name, uint32_t ttl, uint32_t ip)
{
    uint8_t *at = begin_record(w, name, A, ttl);
    ptn_write_u32(w, ip);
    end_record(w, at);
}

static void write_srv(struct ptn_writer *w, const char *name, uint16_t port, const char *target)
{
    uint8_t *at = begin_record(w, name, SRV, 300);
    ptn_write_u16(w, 10);
    ptn_write_u16(w, 60);
    ptn_write_u16(w, port);
    write_name(w, target);
    end_record(w, at);
}

static void write_header(struct ptn_writer *w, uint16_t id, uint8_t code, uint16_t questions,
                         uint16_t answers)
{
    ptn_write_u16(w, id);
    ptn_write_u8(w, 0x81);
    ptn_write_u8(w, (uint8_t)(0x80 | code));
    ptn_write_u16(w, questions);
    ptn_write_u16(w, answers);
    ptn_write_u32(w, 0);
}

/* ---- the pure half ---- */

TEST(records_of_the_asked_types_come_out_with_their_lifetimes)
{
    static struct ptn_dns_answer a;
    uint8_t buf[600];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);
    uint8_t *at;

    write_header(&w, 1, 0, 1, 6);
    write_name(&w, "sip.example");
    ptn_write_u32(&w, 0x00010001);
    at = begin_record(&w, "sip.example", CNAME, 5);
    write_name(&w, "host.example");
    end_record(&w, at);
    write_a(&w, "host.example", 77, 0xc0000201);
    at = begin_record(&w, "host.example", AAAA, 0x80000001);
    ptn_write(&w, ptn_bytes("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16));
    end_record(&w, at);
    write_srv(&w, "_sip._udp.sip.example", 5062, "host.example");
    write_srv(&w, "_sip._udp.sip.example", 0, "");
    at = begin_record(&w, "sip.example", NAPTR, 400);
    ptn_write_u16(&w, 1);
    ptn_write_u16(&w, 2);
    write_text(&w, "S");
    write_text(&w, "SIP+D2U");
    write_text(&w, "");
    write_name(&w, "_sip._udp.sip.example");
    end_record(&w, at);
    CHECK(!w.bad);

    a.count = a.text_used = 0;
    CHECK(ptn_dns_answer_add(&a, ptn_bytes(buf, ptn_writer_size(&w)),
                             PTN_DNS_A | PTN_DNS_AAAA | PTN_DNS_SRV | PTN_DNS_NAPTR));
    CHECK_EQ(4, a.count);
    CHECK_EQ(PTN_DNS_A, a.records[0].type);
    CHECK_EQ(77, a.records[0].ttl_s);
    CHECK_EQ(1, a.records[0].addr.ip[3]);
    CHECK_EQ(PTN_IPV6, a.records[1].addr.family);
    CHECK_EQ(0, a.records[1].ttl_s);
    CHECK_EQ(5062, a.records[2].port);
    CHECK_EQ(10, a.records[2].priority);
    CHECK_EQ(60, a.records[2].weight);
    CHECK_EQ(300, a.records[2].ttl_s);
    CHECK_STR("host.example", a.records[2].target);
    CHECK_STR("S", a.records[3].flags);
    CHECK_STR("SIP+D2U", a.records[3].service);
    CHECK_STR("_sip._udp.sip.example", a.records[3].target);

    a.count = a.text_used = 0;
    CHECK(ptn_dns_answer_add(&a, ptn_bytes(buf, ptn_writer_size(&w)), PTN_DNS_SRV));
    CHECK_EQ(1, a.count);

    /* Cut anywhere, it is refused; what was whole before the cut is kept. */
    for (size_t size = 0; size < ptn_writer_size(&w); size++) {
        a.count = a.text_used = 0;
        CHECK(!ptn_dns_answer_add(&a, ptn_bytes(buf, size), PTN_DNS_A));
        CHECK(a.count <= 1);
    }
}

TEST(records_beyond_the_table_are_left_out)
{
    static struct ptn_dns_answer a;
    static uint8_t buf[8000];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);

    write_header(&w, 1, 0, 0, 70);
    for (unsigned i = 0; i < 70; i++)
        write_a(&w, "x.example", 1, i);
    CHECK(ptn_dns_answer_add(&a, ptn_bytes(buf, ptn_writer_size(&w)), PTN_DNS_A));
    CHECK_EQ(PTN_DNS_RECORDS_MAX, a.count);
}

/* ---- asking ---- */

struct fixture {
    struct ptn_loop *loop;
    struct ptn_resolver *resolver;
    int server;
    unsigned asked;
};

static void set_up(struct fixture *f)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof sin;
    char servers[40];

    *f = (struct fixture){.server = socket(AF_INET, SOCK_DGRAM, 0)};
    CHECK_EQ(0, bind(f->server, (struct sockaddr *)&sin, sizeof sin));
    CHECK_EQ(0, getsockname(f->server, (struct sockaddr *)&sin, &size));
    snprintf(servers, sizeof servers, "127.0.0.1:%u", ntohs(sin.sin_port));
    CHECK_EQ(PTN_OK, ptn_loop_new(&f->loop));
    CHECK_EQ(PTN_OK, ptn_resolver_new(f->loop, 4, servers, &f->resolver));
}

static void tear_down(struct fixture *f)
{
    ptn_resolver_free(f->resolver);
    ptn_loop_free(f->loop);
    close(f->server);
}

/* Answers one question that came, if one did: two records for "_…", one for others, none for
 * names that begin with "no"; "bad…" and "my…" are failed and refused. */
static void serve(struct fixture *f)
{
    uint8_t in[512], out[600];
    struct sockaddr_in from;
    socklen_t from_size = sizeof from;
    ssize_t n =
        recvfrom(f->server, in, sizeof in, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
    struct ptn_writer w = ptn_writer(out, sizeof out);

    if (n < 17)
        return;
    f->asked++;
    const uint8_t *end = memchr(in + 12, 0, (size_t)n - 12);
    CHECK(end && end + 5 <= in + n);
    uint16_t type = (uint16_t)(end[1] << 8 | end[2]);
    uint8_t code = memcmp(in + 13, "no", 2) == 0    ? 3
                   : memcmp(in + 13, "bad", 3) == 0 ? 2
                   : memcmp(in + 13, "my", 2) == 0  ? 5
                                                    : 0;
    bool none = code != 0;
    write_header(&w, (uint16_t)(in[0] << 8 | in[1]), code, 1, none ? 0 : 1);
    ptn_write(&w, ptn_bytes(in + 12, (size_t)(end + 5 - (in + 12))));
    if (!none && type == A)
        write_a(&w, "host.example", 60, 0xc0000207);
    if (!none && type == SRV)
        write_srv(&w, "_stun._udp.example", 3478, "host.example");
    if (!none && type == AAAA) {
        uint8_t *at = begin_record(&w, "host.example", AAAA, 60);
        ptn_write_zeros(&w, 15);
        ptn_write_u8(&w, 9);
        end_record(&w, at);
    }
    sendto(f->server, out, ptn_writer_size(&w), 0, (struct sockaddr *)&from, from_size);
}

static bool wait_answer(struct fixture *f, struct ptn_resolver_answer *answer)
{
    struct ptn_ready ready[8];

    for (unsigned i = 0; i < 40; i++) {
        if (ptn_resolver_answer(f->resolver, answer))
            return true;
        serve(f);
        size_t n = ptn_loop_wait(f->loop, ptn_clock_now() + PTN_MS(50), ready, 8);
        for (size_t k = 0; k < n; k++)
            ptn_resolver_ready(f->resolver, &ready[k]);
        ptn_resolver_tick(f->resolver);
    }
    return false;
}

TEST(two_types_come_back_as_one_answer)
{
    struct fixture f;
    struct ptn_resolver_answer answer;

    set_up(&f);
    CHECK_EQ(PTN_OK, ptn_resolver_ask(f.resolver, 42, "host.example", PTN_DNS_A | PTN_DNS_AAAA));
    CHECK(wait_answer(&f, &answer));
    CHECK_EQ(42, answer.token);
    CHECK_EQ(PTN_OK, answer.why);
    CHECK_EQ(2, answer.record_count);
    CHECK_EQ(2, f.asked);
    CHECK(!ptn_resolver_answer(f.resolver, &answer));
    CHECK_EQ(PTN_NEVER, ptn_resolver_deadline(f.resolver, 0));
    tear_down(&f);
}

TEST(a_service_is_found_and_one_that_does_not_exist_is_an_empty_answer)
{
    struct fixture f;
    struct ptn_resolver_answer answer;

    set_up(&f);
    CHECK_EQ(PTN_OK, ptn_resolver_ask(f.resolver, 1, "_stun._udp.example", PTN_DNS_SRV));
    CHECK(wait_answer(&f, &answer));
    CHECK_EQ(1, answer.record_count);
    CHECK_EQ(3478, answer.records[0].port);
    CHECK_STR("host.example", answer.records[0].target);

    CHECK_EQ(PTN_OK, ptn_resolver_ask(f.resolver, 2, "no.such.example", PTN_DNS_A));
    CHECK(wait_answer(&f, &answer));
    CHECK_EQ(PTN_ERR_NO_SUCH_NAME, answer.why);
    CHECK_EQ(0, answer.record_count);
    tear_down(&f);
}

TEST(why_a_server_does_not_answer_is_what_it_said_itself)
{
    static const struct {
        const char *name;
        enum ptn_err why;
    } rows[] = {{"bad.example", PTN_ERR_NAMES_FAILED}, {"my.example", PTN_ERR_NAMES_REFUSED}};
    struct fixture f;
    struct ptn_resolver_answer answer;

    set_up(&f);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(PTN_OK, ptn_resolver_ask(f.resolver, i, rows[i].name, PTN_DNS_A | PTN_DNS_SRV));
        CHECK(wait_answer(&f, &answer));
        CHECK_EQ(rows[i].why, answer.why);
        CHECK_EQ(0, answer.record_count);
    }
    tear_down(&f);
}

TEST(addresses_and_the_hosts_file_need_no_server)
{
    struct fixture f;
    struct ptn_resolver_answer answer;

    set_up(&f);
    ptn_resolver_ask(f.resolver, 1, "2001:db8::1", PTN_DNS_A | PTN_DNS_AAAA);
    CHECK_EQ(7, ptn_resolver_deadline(f.resolver, 7)); /* the answer is there already */
    CHECK(ptn_resolver_answer(f.resolver, &answer));
    CHECK_EQ(1, answer.record_count);
    CHECK_EQ(PTN_DNS_AAAA, answer.records[0].type);

    ptn_resolver_ask(f.resolver, 2, "localhost", PTN_DNS_A);
    CHECK(ptn_resolver_answer(f.resolver, &answer));
    CHECK(answer.record_count >= 1);
    CHECK_EQ(127, answer.records[0].addr.ip[0]);
    CHECK_EQ(0, f.asked);
    tear_down(&f);
}

TEST(a_cancelled_question_is_not_answered)
{
    struct fixture f;
    struct ptn_resolver_answer answer;

    set_up(&f);
    ptn_resolver_ask(f.resolver, 1, "host.example", PTN_DNS_A);
    ptn_resolver_ask(f.resolver, 2, "host.example", PTN_DNS_A);
    ptn_resolver_cancel(f.resolver, 1);
    CHECK(wait_answer(&f, &answer));
    CHECK_EQ(2, answer.token);
    CHECK(!ptn_resolver_answer(f.resolver, &answer));
    tear_down(&f);
}

TEST(a_resolver_with_open_questions_can_be_freed)
{
    struct fixture f;

    set_up(&f);
    ptn_resolver_ask(f.resolver, 1, "host.example", PTN_DNS_A | PTN_DNS_SRV);
    CHECK(ptn_resolver_deadline(f.resolver, 0) <= PTN_S(1));
    tear_down(&f);
}
