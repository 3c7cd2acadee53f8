/*
 * os/http.c - libmicrohttpd, driven by our loop.
 *
 * It is loaded when the first server is made: with it come gnutls and a dozen others, which would
 * take a third of the memory of a program that serves no HTTP at all.
 *
 * The library calls for an answer while a request is read; ours comes later. So a request is put
 * into a place and its connection suspended; with the answer it goes on, and the second call
 * finds it there.
 */
#include "os/http.h"

#include <dlfcn.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/tcp.h"

enum { IDLE_S = 10 };

/* The functions of the library, under their names without MHD_. */
#define FUNCTIONS(F)                                                                               \
    F(create_response_from_buffer)                                                                 \
    F(queue_response)                                                                              \
    F(destroy_response)                                                                            \
    F(suspend_connection)                                                                          \
    F(resume_connection)                                                                           \
    F(start_daemon)                                                                                \
    F(get_daemon_info)                                                                             \
    F(stop_daemon)                                                                                 \
    F(run)                                                                                         \
    F(get_timeout)                                                                                 \
    F(add_response_header)

static struct {
    bool loaded;
#define MEMBER(name) __typeof__(MHD_##name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} lib;

static bool find(void *from, const char *name, void *function)
{
    void *found = dlsym(from, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static bool load(void)
{
    void *from = lib.loaded ? NULL : dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);

    if (lib.loaded || !from)
        return lib.loaded;
    lib.loaded = true;
#define FIND(name) lib.loaded &= find(from, "MHD_" #name, &lib.name);
    FUNCTIONS(FIND)
#undef FIND
    return lib.loaded;
}

enum state { FREE, ASKED, TAKEN, ANSWERED };

struct place {
    enum state state;
    uint32_t id;
    struct MHD_Connection *connection;
    char path[PTN_HTTP_PATH_SIZE];
    struct MHD_Response *response;
    unsigned status;
};

struct ptn_http {
    struct ptn_loop *loop;
    struct MHD_Daemon *daemon;
    int fd;
    uint32_t next_id;
    struct place places[PTN_HTTP_CLIENTS_MAX];
};

static enum MHD_Result answer_at_once(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r = lib.create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                             MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = r ? lib.queue_response(c, status, r) : MHD_NO;

    if (r)
        lib.destroy_response(r);
    return result;
}

static struct place *take_place(struct ptn_http *h, struct MHD_Connection *c, const char *path)
{
    for (size_t i = 0; i < PTN_HTTP_CLIENTS_MAX; i++) {
        struct place *p = &h->places[i];
        if (p->state != FREE)
            continue;
        *p = (struct place){.state = ASKED, .id = ++h->next_id, .connection = c};
        snprintf(p->path, sizeof p->path, "%s", path);
        return p;
    }
    return NULL;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *c, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **mine)
{
    struct ptn_http *h = self;
    struct place *p = *mine;

    (void)version, (void)body;
    if (p && p->state == ANSWERED)
        return lib.queue_response(c, p->status, p->response);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        *body_size = 0;
        return answer_at_once(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
    }
    if (!p) {
        *mine = p = take_place(h, c, path);
        if (!p)
            return answer_at_once(c, MHD_HTTP_SERVICE_UNAVAILABLE, "busy\n");
        lib.suspend_connection(c);
    }
    return MHD_YES;
}

static void on_completed(void *self, struct MHD_Connection *c, void **mine,
                         enum MHD_RequestTerminationCode why)
{
    struct place *p = *mine;

    (void)self, (void)c, (void)why;
    if (!p)
        return;
    if (p->response)
        lib.destroy_response(p->response);
    *p = (struct place){.state = FREE};
}

/* We listen ourselves: the library does not say why it could not. With its end the socket is
 * closed. */
static enum ptn_err start(struct ptn_http *h, const struct ptn_addr *local)
{
    struct ptn_addr bound;
    int listener;
    enum ptn_err err = ptn_tcp_listen(local, false, &listener, &bound);

    if (err != PTN_OK)
        return err;
    h->daemon = lib.start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                                 on_request, h, MHD_OPTION_LISTEN_SOCKET, listener,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)PTN_HTTP_CLIENTS_MAX,
                                 MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PTN_HTTP_EACH_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
    if (!h->daemon) {
        close(listener);
        return PTN_ERR_NO_ROOM;
    }
    return PTN_OK;
}

enum ptn_err ptn_http_new(struct ptn_loop *l, uint8_t owner, const struct ptn_addr *local,
                          struct ptn_http **out)
{
    struct ptn_http *h = calloc(1, sizeof *h);

    *out = NULL;
    if (!h)
        return PTN_ERR_NO_MEMORY;
    h->fd = -1;
    h->loop = l;
    enum ptn_err err = load() ? start(h, local) : PTN_ERR_UNSUPPORTED;
    const union MHD_DaemonInfo *info =
        h->daemon ? lib.get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    h->fd = info ? info->epoll_fd : -1;
    if (err == PTN_OK)
        err = info ? ptn_loop_add(l, h->fd, PTN_LOOP_IN, owner, 0) : PTN_ERR_UNSUPPORTED;
    if (err != PTN_OK) {
        h->fd = -1;
        ptn_http_free(h);
        return err;
    }
    *out = h;
    return PTN_OK;
}

void ptn_http_free(struct ptn_http *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < PTN_HTTP_CLIENTS_MAX; i++)
        if (h->places[i].state == ASKED || h->places[i].state == TAKEN)
            lib.resume_connection(h->places[i].connection);
    if (h->fd >= 0)
        ptn_loop_remove(h->loop, h->fd);
    if (h->daemon)
        lib.stop_daemon(h->daemon);
    free(h);
}

void ptn_http_ready(struct ptn_http *h)
{
    lib.run(h->daemon);
}

ptn_time ptn_http_deadline(const struct ptn_http *h, ptn_time now)
{
    MHD_UNSIGNED_LONG_LONG ms;

    return lib.get_timeout(h->daemon, &ms) == MHD_YES ? now + PTN_MS((ptn_time)ms) : PTN_NEVER;
}

bool ptn_http_request(struct ptn_http *h, struct ptn_http_request *request)
{
    for (size_t i = 0; i < PTN_HTTP_CLIENTS_MAX; i++) {
        struct place *p = &h->places[i];
        if (p->state != ASKED)
            continue;
        p->state = TAKEN;
        request->id = p->id;
        memcpy(request->path, p->path, sizeof request->path);
        return true;
    }
    return false;
}

void ptn_http_answer(struct ptn_http *h, uint32_t id, unsigned status, const char *type,
                     struct ptn_bytes text)
{
    struct place *p = NULL;

    for (size_t i = 0; i < PTN_HTTP_CLIENTS_MAX; i++)
        if (h->places[i].state == TAKEN && h->places[i].id == id)
            p = &h->places[i];
    if (!p)
        return;
    p->response = lib.create_response_from_buffer(text.size, (void *)(uintptr_t)text.data,
                                                  MHD_RESPMEM_MUST_COPY);
    p->status = status;
    if (p->response)
        lib.add_response_header(p->response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    p->state = ANSWERED;
    lib.resume_connection(p->connection);
    lib.run(h->daemon);
}
