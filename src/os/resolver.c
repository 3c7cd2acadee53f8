/*
 * os/resolver.c - c-ares asks; each question gathers the answers of its types.
 *
 * c-ares calls back, also from within the call that asks and the one that
 * cancels. The callbacks only write into the question, which nobody frees
 * before c-ares has let go of it (`open` is 0).
 *
 * There are two channels. A server that says SERVFAIL or REFUSED is left for the next one; when
 * none is left, c-ares says "connection refused" whatever they have said. Then the question is
 * put once more to the blunt channel, which takes the first word for an answer.
 */
#include "os/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>

#include "os/dns_answer.h"
#include "os/sockaddr.h"

enum {
    TRY_MS = 1000, /* to the first server; c-ares doubles it with each round */
    TRIES = 3,
    HOSTS_TTL_S = 60,
    DNS_CLASS_IN = 1,
};

#define SYSTEM_SERVERS "/etc/resolv.conf"

struct question {
    struct question *next;
    struct ptn_resolver *resolver;
    uint64_t token;
    unsigned open; /* types still being asked */
    bool cancelled, spoken;
    bool exists; /* the name does, if not with records of this type */
    enum ptn_err why;
    struct ptn_dns_answer answer;
    char name[];
};

/* One type of a question, as c-ares gives it back. */
struct part {
    struct question *question;
    enum ptn_dns_type type;
    int wire_type;
    bool blunt;
};

struct channels {
    ares_channel usual, blunt;
};

/* Which resolv.conf it is. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written_at;
};

struct ptn_resolver {
    struct ptn_loop *loop;
    uint8_t owner;
    char *servers;      /* NULL: those of resolv.conf, */
    struct stamp stamp; /* as it was when it was read */
    struct channels channels;
    bool leaving;
    struct question *questions;
    struct question *handed_out;
};

/* c-ares opens and closes its sockets as it likes; the loop follows. */
static void follow_socket(void *self, ares_socket_t fd, int readable, int writable)
{
    struct ptn_resolver *r = self;
    unsigned what = (readable ? PTN_LOOP_IN : 0u) | (writable ? PTN_LOOP_OUT : 0u);
    uint64_t key = PTN_RESOLVER_KEYS + (uint64_t)fd;

    if (!what)
        ptn_loop_remove(r->loop, fd);
    else if (ptn_loop_change(r->loop, fd, what, r->owner, key) != PTN_OK)
        ptn_loop_add(r->loop, fd, what, r->owner, key);
}

/* ---- channels ---- */

/* c-ares takes 70 KiB and reads the system's files: not before there is a question. */
static enum ptn_err open_channel(struct ptn_resolver *r, bool blunt)
{
    struct ares_options options = {.timeout = TRY_MS,
                                   .tries = blunt ? 1 : TRIES,
                                   .flags = blunt ? ARES_FLAG_NOCHECKRESP : 0,
                                   .sock_state_cb = follow_socket,
                                   .sock_state_cb_data = r};
    ares_channel *channel = blunt ? &r->channels.blunt : &r->channels.usual;

    if (*channel)
        return PTN_OK;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return PTN_ERR_NO_MEMORY;
    int status = ares_init_options(channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS |
                                       ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && r->servers) {
        status = ares_set_servers_ports_csv(*channel, r->servers);
        if (status != ARES_SUCCESS)
            ares_destroy(*channel);
    }
    if (status == ARES_SUCCESS)
        return PTN_OK;
    *channel = NULL;
    ares_library_cleanup();
    return status == ARES_ENOMEM ? PTN_ERR_NO_MEMORY : PTN_ERR_INVALID;
}

static void close_channel(ares_channel channel)
{
    if (!channel)
        return;
    ares_destroy(channel);
    ares_library_cleanup();
}

static struct stamp read_stamp(void)
{
    struct stat st;

    if (stat(SYSTEM_SERVERS, &st) < 0)
        return (struct stamp){0};
    return (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->written_at.tv_sec == b->written_at.tv_sec &&
           a->written_at.tv_nsec == b->written_at.tv_nsec;
}

/* Of a resolv.conf that has changed new channels are made; what was open is asked anew by them:
 * see take_answer(). */
static void follow_system(struct ptn_resolver *r)
{
    struct stamp now = read_stamp();
    struct channels old = r->channels;

    if (r->servers || same_stamp(&now, &r->stamp))
        return;
    r->stamp = now;
    r->channels = (struct channels){0};
    close_channel(old.usual);
    close_channel(old.blunt);
}

enum ptn_err ptn_resolver_new(struct ptn_loop *l, uint8_t owner, const char *servers,
                              struct ptn_resolver **out)
{
    struct ptn_resolver *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r)
        return PTN_ERR_NO_MEMORY;
    r->loop = l;
    r->owner = owner;
    r->servers = servers ? strdup(servers) : NULL;
    enum ptn_err err = !servers ? PTN_OK : r->servers ? open_channel(r, false) : PTN_ERR_NO_MEMORY;
    if (err != PTN_OK) {
        free(r->servers);
        free(r);
        return err;
    }
    *out = r;
    return PTN_OK;
}

void ptn_resolver_free(struct ptn_resolver *r)
{
    if (!r)
        return;
    r->leaving = true;
    close_channel(r->channels.usual);
    close_channel(r->channels.blunt);
    while (r->questions) {
        struct question *q = r->questions;
        r->questions = q->next;
        free(q);
    }
    free(r->handed_out);
    free(r->servers);
    free(r);
}

/* ---- questions ---- */

static enum ptn_err err_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA: return PTN_OK;
    case ARES_ENOTFOUND: return PTN_ERR_NO_SUCH_NAME;
    case ARES_ENOMEM: return PTN_ERR_NO_MEMORY;
    case ARES_ETIMEOUT: return PTN_ERR_NAMES_SILENT;
    case ARES_ECONNREFUSED: return PTN_ERR_NAMES_UNREACHABLE;
    case ARES_ESERVFAIL: return PTN_ERR_NAMES_FAILED;
    case ARES_ENOTIMP:
    case ARES_EREFUSED: return PTN_ERR_NAMES_REFUSED;
    case ARES_EBADNAME:
    case ARES_EBADRESP:
    case ARES_EFORMERR: return PTN_ERR_INVALID;
    default: return PTN_ERR_IO;
    }
}

static void take_answer(void *self, int status, int timeouts, unsigned char *bytes, int size);

static void end_part(struct part *part, enum ptn_err why)
{
    struct question *q = part->question;

    if (ptn_err_is_answer(why))
        q->spoken = true;
    else
        q->why = why;
    q->exists |= why == PTN_OK;
    q->open--;
    free(part);
}

static void send_part(struct part *part)
{
    struct ptn_resolver *r = part->question->resolver;
    enum ptn_err err = open_channel(r, part->blunt);
    ares_channel channel = part->blunt ? r->channels.blunt : r->channels.usual;
    const char *name = part->question->name;

    if (err != PTN_OK) {
        end_part(part, err);
        return;
    }

    /* A name with a dot is whole; only a bare one may be completed by the domain of this host,
     * or every SRV name that does not exist would be asked for twice. */
    if (strchr(name, '.'))
        ares_query(channel, name, DNS_CLASS_IN, part->wire_type, take_answer, part);
    else
        ares_search(channel, name, DNS_CLASS_IN, part->wire_type, take_answer, part);
}

static bool is_asked_again(struct part *part, int status)
{
    if (part->question->resolver->leaving)
        return false;
    if (status == ARES_EDESTRUCTION) {
        part->blunt = false;
        return true;
    }
    if (status != ARES_ECONNREFUSED || part->blunt)
        return false;
    part->blunt = true;
    return true;
}

static void take_answer(void *self, int status, int timeouts, unsigned char *bytes, int size)
{
    struct part *part = self;
    struct question *q = part->question;
    enum ptn_err err = err_of(status);

    (void)timeouts;
    if (is_asked_again(part, status)) {
        send_part(part);
        return;
    }
    /* They refused the first time, and have nothing to say why. */
    if (part->blunt && status == ARES_ETIMEOUT)
        err = PTN_ERR_NAMES_UNREACHABLE;
    if (status == ARES_SUCCESS &&
        !ptn_dns_answer_add(&q->answer, ptn_bytes(bytes, (size_t)size), part->type))
        err = PTN_ERR_INVALID;
    end_part(part, err);
}

static void ask_type(struct question *q, enum ptn_dns_type type, int wire_type)
{
    struct part *part = malloc(sizeof *part);

    if (!part) {
        q->why = PTN_ERR_NO_MEMORY;
        return;
    }
    *part = (struct part){.question = q, .type = type, .wire_type = wire_type};
    q->open++;
    send_part(part);
}

/* From the hosts file; true when it knows the name in this family. */
static bool look_in_hosts(struct question *q, const char *name, int family)
{
    struct hostent *host = NULL;

    if (ares_gethostbyname_file(q->resolver->channels.usual, name, family, &host) != ARES_SUCCESS)
        return false;
    for (char **ip = host->h_addr_list; *ip; ip++) {
        struct ptn_addr a = {.family = family == AF_INET6 ? PTN_IPV6 : PTN_IPV4};
        memcpy(a.ip, *ip, ptn_addr_ip_bytes(&a));
        ptn_dns_answer_add_addr(&q->answer, &a, HOSTS_TTL_S);
    }
    ares_free_hostent(host);
    q->spoken = q->exists = true;
    return true;
}

static void ask_all(struct question *q, unsigned types)
{
    static const struct {
        enum ptn_dns_type type;
        int wire, family;
    } rows[] = {
        {PTN_DNS_A, 1, AF_INET},
        {PTN_DNS_AAAA, 28, AF_INET6},
        {PTN_DNS_SRV, 33, 0},
        {PTN_DNS_NAPTR, 35, 0},
    };
    const char *name = q->name;
    struct ptn_addr literal;
    bool in_hosts = false;

    if (ptn_addr_parse(name, &literal) && literal.port == 0) {
        unsigned type = literal.family == PTN_IPV6 ? PTN_DNS_AAAA : PTN_DNS_A;
        if (types & type)
            ptn_dns_answer_add_addr(&q->answer, &literal, UINT32_MAX);
        q->spoken = q->exists = true;
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((types & rows[i].type) && rows[i].family)
            in_hosts |= look_in_hosts(q, name, rows[i].family);
    /* Known there in one family means: not asked elsewhere for the other. */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((types & rows[i].type) && !(in_hosts && rows[i].family))
            ask_type(q, rows[i].type, rows[i].wire);
}

enum ptn_err ptn_resolver_ask(struct ptn_resolver *r, uint64_t token, const char *name,
                              unsigned types)
{
    size_t size = strlen(name) + 1;
    struct question *q = calloc(1, sizeof *q + size);

    if (!q)
        return PTN_ERR_NO_MEMORY;
    follow_system(r);
    enum ptn_err err = open_channel(r, false);
    if (err != PTN_OK) {
        free(q);
        return err;
    }
    memcpy(q->name, name, size);
    q->resolver = r;
    q->token = token;
    q->next = r->questions;
    r->questions = q;
    ask_all(q, types);
    return PTN_OK;
}

void ptn_resolver_cancel(struct ptn_resolver *r, uint64_t token)
{
    for (struct question *q = r->questions; q; q = q->next)
        if (q->token == token)
            q->cancelled = true;
}

/* Each channel knows its own descriptors and passes over those of the other. */
static void process(struct ptn_resolver *r, ares_socket_t in, ares_socket_t out)
{
    if (r->channels.usual)
        ares_process_fd(r->channels.usual, in, out);
    if (r->channels.blunt)
        ares_process_fd(r->channels.blunt, in, out);
}

void ptn_resolver_ready(struct ptn_resolver *r, const struct ptn_ready *ready)
{
    ares_socket_t fd = (ares_socket_t)(ready->key - PTN_RESOLVER_KEYS);
    bool in = ready->what & (PTN_LOOP_IN | PTN_LOOP_ERROR), out = ready->what & PTN_LOOP_OUT;

    process(r, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
}

void ptn_resolver_tick(struct ptn_resolver *r)
{
    process(r, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static ptn_time deadline_of(ares_channel channel, ptn_time now)
{
    struct timeval wait;

    return channel && ares_timeout(channel, NULL, &wait)
               ? now + PTN_S(wait.tv_sec) + PTN_US(wait.tv_usec)
               : PTN_NEVER;
}

ptn_time ptn_resolver_deadline(struct ptn_resolver *r, ptn_time now)
{
    for (const struct question *q = r->questions; q; q = q->next)
        if (q->open == 0)
            return now;
    return ptn_time_min(deadline_of(r->channels.usual, now), deadline_of(r->channels.blunt, now));
}

/* Takes the first question out that c-ares is done with. */
static struct question *take_done(struct ptn_resolver *r)
{
    for (struct question **at = &r->questions; *at; at = &(*at)->next)
        if ((*at)->open == 0) {
            struct question *q = *at;
            *at = q->next;
            return q;
        }
    return NULL;
}

bool ptn_resolver_answer(struct ptn_resolver *r, struct ptn_resolver_answer *answer)
{
    struct question *q;

    free(r->handed_out);
    r->handed_out = NULL;
    while ((q = take_done(r)) && q->cancelled)
        free(q);
    /* Its 70 KiB are seldom needed. */
    if (!r->questions) {
        close_channel(r->channels.blunt);
        r->channels.blunt = NULL;
    }
    if (!q)
        return false;
    r->handed_out = q;
    *answer = (struct ptn_resolver_answer){
        .token = q->token,
        .why = q->exists   ? PTN_OK
               : q->spoken ? PTN_ERR_NO_SUCH_NAME
                           : q->why,
        .records = q->answer.records,
        .record_count = q->answer.count,
    };
    return true;
}
