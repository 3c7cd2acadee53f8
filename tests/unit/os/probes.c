/*
 * unit/os/probes.c - machines that ask what the test puts in and keep what they are told.
 */
#include "unit/os/probes.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "support/test.h"

static void probe_input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct probe *p = self;

    (void)now;
    if (tell->kind == PTN_TELL_STREAM)
        p->stream_size += tell->bytes.size;
    if (p->echo && tell->kind == PTN_TELL_DATAGRAM && tell->bytes.size <= sizeof p->echo_bytes) {
        memcpy(p->echo_bytes, tell->bytes.data, tell->bytes.size);
        p->ask_next = 0;
        p->ask_count = 1;
        p->asks[0] = (struct ptn_ask){.kind = PTN_ASK_DATAGRAM,
                                      .id = tell->id,
                                      .to = tell->from,
                                      .bytes = ptn_bytes(p->echo_bytes, tell->bytes.size)};
    }
    if (p->tell_count == LOG_MAX)
        return;
    size_t size = tell->bytes.size < 63 ? tell->bytes.size : 63;
    if (size > 0)
        memcpy(p->text[p->tell_count], tell->bytes.data, size);
    p->text[p->tell_count][size] = '\0';
    p->tells[p->tell_count++] = *tell;
}

static void probe_tick(void *self, ptn_time now)
{
    struct probe *p = self;

    p->ticks++;
    if (now >= p->due)
        p->due = PTN_NEVER;
}

static bool probe_output(void *self, ptn_time now, struct ptn_ask *ask)
{
    struct probe *p = self;

    (void)now;
    if (p->ask_next == p->ask_count)
        return false;
    *ask = p->asks[p->ask_next++];
    return true;
}

static ptn_time probe_deadline(const void *self)
{
    return ((const struct probe *)self)->due;
}

static struct ptn_machine machine_of(struct probe *p)
{
    return (struct ptn_machine){p, probe_input, probe_tick, probe_output, probe_deadline};
}

void set_up_with(struct fixture *f, uint32_t sockets_max, const struct ptn_tls_rules *tls,
                 const struct ptn_log *log)
{
    *f = (struct fixture){.a = {.due = PTN_NEVER}, .b = {.due = PTN_NEVER}};
    CHECK_EQ(PTN_OK, ptn_loop_new(&f->loop));
    CHECK_EQ(PTN_OK, ptn_host_new(&(struct ptn_host_opts){.loop = f->loop,
                                                          .owner = 2,
                                                          .name_servers = "127.0.0.1:9",
                                                          .sockets_max = sockets_max,
                                                          .machines_max = 2,
                                                          .stream_queue_max = 1 << 20,
                                                          .tls = tls,
                                                          .log = log},
                                  &f->host));
    struct ptn_machine a = machine_of(&f->a), b = machine_of(&f->b);
    CHECK_EQ(PTN_OK, ptn_host_add(f->host, ptn_clock_now(), &a, &f->a_index));
    CHECK_EQ(PTN_OK, ptn_host_add(f->host, ptn_clock_now(), &b, &f->b_index));
}

void tear_down(struct fixture *f)
{
    ptn_host_free(f->host);
    ptn_loop_free(f->loop);
}

void turn(struct fixture *f)
{
    struct ptn_ready ready[16];
    ptn_time now = ptn_clock_now();
    size_t told = f->a.tell_count + f->b.tell_count;

    ptn_host_run(f->host, now);
    ptn_time deadline = ptn_time_min(ptn_host_deadline(f->host, now), now + PTN_MS(200));
    /* What was answered at once may be all the test waits for. */
    if (f->a.tell_count + f->b.tell_count != told)
        deadline = now;
    size_t n = ptn_loop_wait(f->loop, deadline, ready, 16);
    now = ptn_clock_now();
    for (size_t i = 0; i < n; i++)
        ptn_host_ready(f->host, now, &ready[i]);
    ptn_host_run(f->host, now);
}

void ask(struct probe *p, struct ptn_ask a)
{
    if (p->ask_next == p->ask_count)
        p->ask_next = p->ask_count = 0;
    p->asks[p->ask_count++] = a;
}

const struct ptn_tell *wait_tell(struct fixture *f, struct probe *p, enum ptn_tell_kind kind,
                                 ptn_id id)
{
    for (unsigned round = 0; round < 40; round++) {
        for (size_t i = 0; i < p->tell_count; i++)
            if (p->tells[i].kind == kind && (id == 0 || p->tells[i].id == id))
                return &p->tells[i];
        turn(f);
    }
    print_error("# no tell of kind %d about %u came\n", (int)kind, (unsigned)id);
    CHECK(false);
    return NULL;
}

struct ptn_addr open_udp(struct fixture *f, struct probe *p, ptn_id id,
                         const struct ptn_addr *local)
{
    ask(p, (struct ptn_ask){.kind = PTN_ASK_OPEN, .id = id, .local = *local});
    return wait_tell(f, p, PTN_TELL_OPENED, id)->local;
}

struct ptn_addr listen_stream(struct fixture *f, struct probe *p, ptn_id id,
                              enum ptn_transport transport, const struct ptn_addr *local)
{
    ask(p, (struct ptn_ask){
               .kind = PTN_ASK_LISTEN, .id = id, .transport = transport, .local = *local});
    return wait_tell(f, p, PTN_TELL_OPENED, id)->local;
}

const char *text_of(const struct probe *p, const struct ptn_tell *tell)
{
    return p->text[tell - p->tells];
}

struct marked count_marked(uint16_t port, uint8_t dscp)
{
    enum { DESCRIPTORS_MAX = 1024 };
    struct marked count = {0};

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        struct sockaddr_in sa;
        socklen_t size = sizeof sa;
        int byte = 0;
        if (getsockname(fd, (struct sockaddr *)&sa, &size) != 0 || sa.sin_family != AF_INET ||
            ntohs(sa.sin_port) != port)
            continue;
        count.sockets++;
        size = sizeof byte;
        count.so += getsockopt(fd, IPPROTO_IP, IP_TOS, &byte, &size) == 0 && byte == dscp << 2;
    }
    return count;
}
