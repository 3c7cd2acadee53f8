/*
 * os/resolver.c - c-ares asks; each question gathers the answers of its types.
 *
 * c-ares calls back, also from within the call that asks and the one that
 * cancels. The callbacks only write into the question, which nobody frees
 * before c-ares has let go of it (`open` is 0).
 */
#include "os/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include "os/dns_answer.h"
#include "os/sockaddr.h"

enum {
    TRY_MS = 1000, /* to the first server; c-ares doubles it with each round */
    TRIES = 3,
    HOSTS_TTL_S = 60,
    DNS_CLASS_IN = 1,
};

struct question {
    struct question *next;
    struct ptn_resolver *resolver;
    uint64_t token;
    unsigned open; /* types still being asked */
    bool cancelled, spoken;
    enum ptn_err why;
    struct ptn_dns_answer answer;
};

/* One type of a question, as c-ares gives it back. */
struct part {
    struct question *question;
    unsigned type;
};

struct ptn_resolver {
    struct ptn_loop *loop;
    uint8_t owner;
    ares_channel channel;
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

/* c-ares takes 70 KiB and reads the system's files: not before there is a question. */
static enum ptn_err open_channel(struct ptn_resolver *r, const char *servers)
{
    struct ares_options options = {
        .timeout = TRY_MS, .tries = TRIES, .sock_state_cb = follow_socket, .sock_state_cb_data = r};

    if (r->channel)
        return PTN_OK;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return PTN_ERR_NO_MEMORY;
    int status = ares_init_options(&r->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && servers) {
        status = ares_set_servers_ports_csv(r->channel, servers);
        if (status != ARES_SUCCESS)
            ares_destroy(r->channel);
    }
    if (status == ARES_SUCCESS)
        return PTN_OK;
    r->channel = NULL;
    ares_library_cleanup();
    return status == ARES_ENOMEM ? PTN_ERR_NO_MEMORY : PTN_ERR_INVALID;
}

static void close_channel(struct ptn_resolver *r)
{
    if (!r->channel)
        return;
    ares_destroy(r->channel);
    ares_library_cleanup();
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
    enum ptn_err err = servers ? open_channel(r, servers) : PTN_OK;
    if (err != PTN_OK) {
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
    close_channel(r);
    while (r->questions) {
        struct question *q = r->questions;
        r->questions = q->next;
        free(q);
    }
    free(r->handed_out);
    free(r);
}

static enum ptn_err err_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA:
    case ARES_ENOTFOUND: return PTN_OK;
    case ARES_ENOMEM: return PTN_ERR_NO_MEMORY;
    case ARES_ETIMEOUT: return PTN_ERR_TIMED_OUT;
    case ARES_ECONNREFUSED: return PTN_ERR_UNREACHABLE;
    case ARES_EREFUSED: return PTN_ERR_REFUSED;
    case ARES_EBADNAME:
    case ARES_EBADRESP:
    case ARES_EFORMERR: return PTN_ERR_INVALID;
    default: return PTN_ERR_IO;
    }
}

static void take_answer(void *self, int status, int timeouts, unsigned char *bytes, int size)
{
    struct part *part = self;
    struct question *q = part->question;
    enum ptn_err err = err_of(status);

    (void)timeouts;
    if (status == ARES_SUCCESS &&
        !ptn_dns_answer_add(&q->answer, ptn_bytes(bytes, (size_t)size), part->type))
        err = PTN_ERR_INVALID;
    if (err == PTN_OK)
        q->spoken = true;
    else
        q->why = err;
    q->open--;
    free(part);
}

static void ask_type(struct question *q, const char *name, enum ptn_dns_type type, int wire_type)
{
    struct part *part = malloc(sizeof *part);

    if (!part) {
        q->why = PTN_ERR_NO_MEMORY;
        return;
    }
    *part = (struct part){q, type};
    q->open++;
    /* A name with a dot is whole; only a bare one may be completed by the domain of this host,
     * or every SRV name that does not exist would be asked for twice. */
    if (strchr(name, '.'))
        ares_query(q->resolver->channel, name, DNS_CLASS_IN, wire_type, take_answer, part);
    else
        ares_search(q->resolver->channel, name, DNS_CLASS_IN, wire_type, take_answer, part);
}

/* From the hosts file; true when it knows the name in this family. */
static bool look_in_hosts(struct question *q, const char *name, int family)
{
    struct hostent *host = NULL;

    if (ares_gethostbyname_file(q->resolver->channel, name, family, &host) != ARES_SUCCESS)
        return false;
    for (char **ip = host->h_addr_list; *ip; ip++) {
        struct ptn_addr a = {.family = family == AF_INET6 ? PTN_IPV6 : PTN_IPV4};
        memcpy(a.ip, *ip, ptn_addr_ip_bytes(&a));
        ptn_dns_answer_add_addr(&q->answer, &a, HOSTS_TTL_S);
    }
    ares_free_hostent(host);
    q->spoken = true;
    return true;
}

static void ask_all(struct question *q, const char *name, unsigned types)
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
    struct ptn_addr literal;
    bool in_hosts = false;

    if (ptn_addr_parse(name, &literal) && literal.port == 0) {
        unsigned type = literal.family == PTN_IPV6 ? PTN_DNS_AAAA : PTN_DNS_A;
        if (types & type)
            ptn_dns_answer_add_addr(&q->answer, &literal, UINT32_MAX);
        q->spoken = true;
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((types & rows[i].type) && rows[i].family)
            in_hosts |= look_in_hosts(q, name, rows[i].family);
    /* Known there in one family means: not asked elsewhere for the other. */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((types & rows[i].type) && !(in_hosts && rows[i].family))
            ask_type(q, name, rows[i].type, rows[i].wire);
}

enum ptn_err ptn_resolver_ask(struct ptn_resolver *r, uint64_t token, const char *name,
                              unsigned types)
{
    enum ptn_err err = open_channel(r, NULL);
    struct question *q = err ? NULL : calloc(1, sizeof *q);

    if (!q)
        return err ? err : PTN_ERR_NO_MEMORY;
    q->resolver = r;
    q->token = token;
    q->next = r->questions;
    r->questions = q;
    ask_all(q, name, types);
    return PTN_OK;
}

void ptn_resolver_cancel(struct ptn_resolver *r, uint64_t token)
{
    for (struct question *q = r->questions; q; q = q->next)
        if (q->token == token)
            q->cancelled = true;
}

void ptn_resolver_ready(struct ptn_resolver *r, const struct ptn_ready *ready)
{
    ares_socket_t fd = (ares_socket_t)(ready->key - PTN_RESOLVER_KEYS);
    bool in = ready->what & (PTN_LOOP_IN | PTN_LOOP_ERROR), out = ready->what & PTN_LOOP_OUT;

    ares_process_fd(r->channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
}

void ptn_resolver_tick(struct ptn_resolver *r)
{
    if (r->questions)
        ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

ptn_time ptn_resolver_deadline(struct ptn_resolver *r, ptn_time now)
{
    struct timeval wait;

    for (const struct question *q = r->questions; q; q = q->next)
        if (q->open == 0)
            return now;
    if (!r->questions || !ares_timeout(r->channel, NULL, &wait))
        return PTN_NEVER;
    return now + PTN_S(wait.tv_sec) + PTN_US(wait.tv_usec);
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
    if (!q)
        return false;
    r->handed_out = q;
    *answer = (struct ptn_resolver_answer){
        .token = q->token,
        .why = q->spoken ? PTN_OK : q->why,
        .records = q->answer.records,
        .record_count = q->answer.count,
    };
    return true;
}
