/*
 * tests/support/puppet.c - a machine on strings.
 */
#include "support/puppet.h"

#include <malloc.h>
#include <stdlib.h>

#include "support/test.h"

static void *copied(const void *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);

    CHECK(copy);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

static void queue(struct puppet *p, const struct ptn_ask *a)
{
    CHECK(p->ask_count < PUPPET_ASKS_MAX);
    struct ptn_ask *kept = &p->asks[(p->ask_first + p->ask_count++) % PUPPET_ASKS_MAX];
    *kept = *a;
    kept->bytes.data = copied(a->bytes.data, a->bytes.size);
}

static void input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct puppet *p = self;

    p->bytes_received += tell->bytes.size;
    if (p->echoes && tell->kind == PTN_TELL_DATAGRAM)
        queue(p, &(struct ptn_ask){.kind = PTN_ASK_DATAGRAM,
                                   .id = tell->id,
                                   .to = tell->from,
                                   .bytes = tell->bytes});
    if (p->echoes && tell->kind == PTN_TELL_STREAM)
        queue(p, &(struct ptn_ask){.kind = PTN_ASK_STREAM, .id = tell->id, .bytes = tell->bytes});
    if (p->told_count == PUPPET_TELLS_MAX)
        return;
    struct puppet_tell *kept = &p->told[p->told_count++];
    *kept = (struct puppet_tell){*tell, now};
    kept->tell.bytes.data = copied(tell->bytes.data, tell->bytes.size);
    kept->tell.addrs = copied(tell->addrs, tell->addr_count * sizeof *tell->addrs);
    struct ptn_dns_record *records =
        copied(tell->records, tell->record_count * sizeof *tell->records);
    for (size_t i = 0; i < tell->record_count; i++) /* one string is enough for these tests */
        if (records[i].target)
            records[i].target = copied(records[i].target, strlen(records[i].target) + 1);
    kept->tell.records = records;
}

static void tick(void *self, ptn_time now)
{
    (void)self, (void)now;
}

static bool output(void *self, ptn_time now, struct ptn_ask *ask)
{
    struct puppet *p = self;

    (void)now;
    free(p->taken_bytes);
    p->taken_bytes = NULL;
    if (p->ask_count == 0)
        return false;
    *ask = p->asks[p->ask_first];
    p->ask_first = (p->ask_first + 1) % PUPPET_ASKS_MAX;
    p->ask_count--;
    memcpy(&p->taken_bytes, &ask->bytes.data, sizeof p->taken_bytes);
    return true;
}

static ptn_time deadline(const void *self)
{
    (void)self;
    return PTN_NEVER;
}

struct puppet *puppet_new(struct ptn_sim *w, const char *host, const struct ptn_scenario *s)
{
    struct puppet *p = calloc(1, sizeof *p);

    CHECK(p);
    p->world = w;
    int index = ptn_scenario_host(s, host);
    CHECK(index != PTN_SCENARIO_NONE);
    CHECK_EQ(PTN_OK,
             ptn_sim_add(w, (unsigned)index,
                         &(struct ptn_machine){p, input, tick, output, deadline}, &p->number));
    return p;
}

void puppet_forget(struct puppet *p)
{
    while (p->told_count > 0) {
        struct ptn_tell *t = &p->told[--p->told_count].tell;
        for (size_t i = 0; i < t->record_count; i++)
            free((void *)(uintptr_t)t->records[i].target);
        free((void *)(uintptr_t)t->bytes.data);
        free((void *)(uintptr_t)t->records);
        free((void *)(uintptr_t)t->addrs);
    }
}

void puppet_free(struct puppet *p)
{
    if (!p)
        return;
    puppet_forget(p);
    for (; p->ask_count > 0; p->ask_count--)
        free((void *)(uintptr_t)p->asks[(p->ask_first + p->ask_count - 1) % PUPPET_ASKS_MAX]
                 .bytes.data);
    free(p->taken_bytes);
    free(p);
}

void puppet_ask(struct puppet *p, const struct ptn_ask *a)
{
    queue(p, a);
    ptn_sim_wake(p->world, p->number);
}

static struct ptn_addr addr(const char *text)
{
    struct ptn_addr a = {0};

    if (text)
        CHECK(ptn_addr_parse(text, &a));
    return a;
}

void puppet_open(struct puppet *p, ptn_id id, const char *local)
{
    puppet_ask(p, &(struct ptn_ask){.kind = PTN_ASK_OPEN, .id = id, .local = addr(local)});
}

void puppet_listen(struct puppet *p, ptn_id id, const char *local)
{
    puppet_ask(p,
               &(struct ptn_ask){
                   .kind = PTN_ASK_LISTEN, .id = id, .transport = PTN_TCP, .local = addr(local)});
}

void puppet_connect(struct puppet *p, ptn_id id, const char *local, const char *to)
{
    puppet_ask(p, &(struct ptn_ask){.kind = PTN_ASK_CONNECT,
                                    .id = id,
                                    .transport = PTN_TCP,
                                    .local = addr(local),
                                    .to = addr(to)});
}

void puppet_send_addr(struct puppet *p, ptn_id id, const struct ptn_addr *to, const char *text)
{
    puppet_ask(
        p, &(struct ptn_ask){
               .kind = PTN_ASK_DATAGRAM, .id = id, .to = *to, .bytes = ptn_bytes_of_text(text)});
}

void puppet_send(struct puppet *p, ptn_id id, const char *to, const char *text)
{
    puppet_send_addr(p, id, &(struct ptn_addr[]){addr(to)}[0], text);
}

void puppet_stream(struct puppet *p, ptn_id id, struct ptn_bytes bytes)
{
    puppet_ask(p, &(struct ptn_ask){.kind = PTN_ASK_STREAM, .id = id, .bytes = bytes});
}

void puppet_close(struct puppet *p, ptn_id id)
{
    puppet_ask(p, &(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = id});
}

void puppet_resolve(struct puppet *p, ptn_id id, const char *name, unsigned types)
{
    puppet_ask(p,
               &(struct ptn_ask){.kind = PTN_ASK_RESOLVE, .id = id, .name = name, .types = types});
}

unsigned puppet_count(const struct puppet *p, enum ptn_tell_kind kind)
{
    unsigned count = 0;

    for (unsigned i = 0; i < p->told_count; i++)
        count += p->told[i].tell.kind == kind;
    return count;
}

static const struct puppet_tell *last(const struct puppet *p, enum ptn_tell_kind kind)
{
    for (unsigned i = p->told_count; i > 0; i--)
        if (p->told[i - 1].tell.kind == kind)
            return &p->told[i - 1];
    return NULL;
}

const struct ptn_tell *puppet_last(const struct puppet *p, enum ptn_tell_kind kind)
{
    const struct puppet_tell *found = last(p, kind);

    return found ? &found->tell : NULL;
}

ptn_time puppet_last_at(const struct puppet *p, enum ptn_tell_kind kind)
{
    const struct puppet_tell *found = last(p, kind);

    return found ? found->at : PTN_NEVER;
}

struct ptn_scenario *puppet_scenario(const char *text)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    struct ptn_scenario *s = NULL;

    if (ptn_scenario_new(&s, "test", ptn_bytes_of_text(text), error))
        fail_msg("%s", error);
    return s;
}

struct ptn_sim *puppet_world(const struct ptn_scenario *s, uint64_t seed)
{
    struct ptn_sim *w = NULL;

    /* Worlds come and go by the thousand: giving their memory back to the kernel each time costs
     * ten times as much as playing in them. */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    CHECK_EQ(PTN_OK, ptn_sim_new(&w, &(struct ptn_sim_opts){.scenario = s, .seed = seed}));
    return w;
}

void puppet_event(struct ptn_sim *w, struct ptn_scenario *s, const char *event)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    const struct ptn_scenario_event *what = ptn_scenario_event(s, event, error);

    CHECK(what);
    ptn_net_apply(ptn_sim_net(w), ptn_sim_now(w), what);
}

static struct puppet *on_host(const struct puppet_home *h, const char *name)
{
    return ptn_scenario_host(h->s, name) < 0 ? NULL : puppet_new(h->w, name, h->s);
}

struct puppet_home puppet_home_open(const char *text, uint64_t seed)
{
    struct puppet_home h = {.s = puppet_scenario(text)};

    h.w = puppet_world(h.s, seed);
    h.alice = on_host(&h, "alice");
    h.server = on_host(&h, "server");
    h.bob = on_host(&h, "bob");
    return h;
}

void puppet_home_close(struct puppet_home *h)
{
    puppet_free(h->alice);
    puppet_free(h->server);
    puppet_free(h->bob);
    ptn_sim_free(h->w);
    ptn_scenario_free(h->s);
}
