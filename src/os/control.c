/*
 * os/control.c - the listening side: a handful of clients, each with a line buffer in and a
 * bounded queue out.
 *
 * A client is found by (serial number, place): the key on the loop holds the place, the number
 * that owners see holds both, so an answer to a client that has gone reaches nobody else.
 */
#include "os/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/errno.h"

enum { LISTENER_KEY = PTN_CONTROL_CLIENTS_MAX };

struct client {
    uint32_t id; /* 0: the place is free */
    int fd;
    bool ending, eof, writing;
    char *in; /* PTN_CONTROL_LINE_MAX + 1 bytes */
    size_t in_size, in_taken;
    uint8_t *out;
    size_t out_size, out_room;
};

struct ptn_control {
    struct ptn_loop *loop;
    int fd;
    uint8_t owner;
    uint32_t serial;
    struct sockaddr_un addr;
    struct client clients[PTN_CONTROL_CLIENTS_MAX];
};

static enum ptn_err set_path(struct sockaddr_un *addr, const char *path)
{
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr->sun_path)
        return PTN_ERR_INVALID;
    memcpy(addr->sun_path, path, strlen(path));
    return PTN_OK;
}

/* Is a program behind the socket file? Then a connection is taken or at least queued. */
static bool is_alive(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive = fd >= 0 &&
                 (connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 || errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return alive;
}

static enum ptn_err listen_at(struct ptn_control *c, unsigned mode)
{
    struct stat st;

    if (is_alive(&c->addr))
        return PTN_ERR_IN_USE;
    /* Only ever a socket: a path mistyped in the settings must not cost a file. */
    if (lstat(c->addr.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(c->addr.sun_path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return ptn_err_of_errno(errno);
    /* Between bind and chmod nobody else may slip in. */
    mode_t before = umask(0177);
    int bound = bind(c->fd, (struct sockaddr *)&c->addr, sizeof c->addr);
    int number = errno;
    umask(before);
    if (bound != 0)
        return ptn_err_of_errno(number);
    if (chmod(c->addr.sun_path, mode) != 0 || listen(c->fd, 16) != 0) {
        number = errno;
        unlink(c->addr.sun_path);
        return ptn_err_of_errno(number);
    }
    return PTN_OK;
}

enum ptn_err ptn_control_new(struct ptn_loop *l, const struct ptn_control_opts *opts,
                             struct ptn_control **out)
{
    struct ptn_control *c = calloc(1, sizeof *c);

    *out = NULL;
    if (!c)
        return PTN_ERR_NO_MEMORY;
    c->loop = l;
    c->owner = opts->owner;
    c->fd = -1;
    enum ptn_err err = set_path(&c->addr, opts->path);
    if (err == PTN_OK)
        err = listen_at(c, opts->mode);
    if (err == PTN_OK)
        err = ptn_loop_add(l, c->fd, PTN_LOOP_IN, c->owner, LISTENER_KEY);
    if (err != PTN_OK) {
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        return err;
    }
    *out = c;
    return PTN_OK;
}

static void drop(struct ptn_control *c, struct client *k)
{
    ptn_loop_remove(c->loop, k->fd);
    close(k->fd);
    free(k->in);
    free(k->out);
    *k = (struct client){0};
}

void ptn_control_free(struct ptn_control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < PTN_CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].id)
            drop(c, &c->clients[i]);
    ptn_loop_remove(c->loop, c->fd);
    close(c->fd);
    unlink(c->addr.sun_path);
    free(c);
}

static struct client *find(struct ptn_control *c, uint32_t id)
{
    struct client *k = &c->clients[id % PTN_CONTROL_CLIENTS_MAX];

    return id && k->id == id ? k : NULL;
}

bool ptn_control_has(const struct ptn_control *c, uint32_t client)
{
    return client && c->clients[client % PTN_CONTROL_CLIENTS_MAX].id == client;
}

static void accept_client(struct ptn_control *c)
{
    int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    uint32_t place = 0;

    if (fd < 0)
        return;
    while (place < PTN_CONTROL_CLIENTS_MAX && c->clients[place].id)
        place++;
    char *in = place < PTN_CONTROL_CLIENTS_MAX ? malloc(PTN_CONTROL_LINE_MAX + 1) : NULL;
    if (!in || ptn_loop_add(c->loop, fd, PTN_LOOP_IN, c->owner, place) != PTN_OK) {
        free(in);
        close(fd);
        return;
    }
    uint32_t id = ++c->serial * PTN_CONTROL_CLIENTS_MAX + place;
    c->clients[place] = (struct client){.id = id, .fd = fd, .in = in};
}

static void watch(struct ptn_control *c, struct client *k)
{
    k->writing = k->out_size > 0;
    ptn_loop_change(c->loop, k->fd,
                    (k->ending ? 0u : PTN_LOOP_IN) | (k->writing ? PTN_LOOP_OUT : 0u), c->owner,
                    k->id % PTN_CONTROL_CLIENTS_MAX);
}

/* False when the client is gone. */
static bool write_out(struct ptn_control *c, struct client *k)
{
    while (k->out_size > 0) {
        ssize_t n = send(k->fd, k->out, k->out_size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            drop(c, k);
            return false;
        }
        if (n < 0)
            break;
        k->out_size -= (size_t)n;
        memmove(k->out, k->out + n, k->out_size);
    }
    if (k->out_size == 0 && k->ending) {
        drop(c, k);
        return false;
    }
    if (k->writing != (k->out_size > 0))
        watch(c, k);
    return true;
}

static void read_in(struct client *k)
{
    if (k->in_taken > 0) {
        k->in_size -= k->in_taken;
        memmove(k->in, k->in + k->in_taken, k->in_size);
        k->in_taken = 0;
    }
    if (k->in_size == PTN_CONTROL_LINE_MAX)
        return;
    ssize_t n = recv(k->fd, k->in + k->in_size, PTN_CONTROL_LINE_MAX - k->in_size, 0);
    if (n > 0)
        k->in_size += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        k->eof = true;
}

void ptn_control_ready(struct ptn_control *c, const struct ptn_ready *ready)
{
    if (ready->key == LISTENER_KEY) {
        accept_client(c);
        return;
    }
    struct client *k = &c->clients[ready->key];
    if (!k->id)
        return;
    if ((ready->what & PTN_LOOP_OUT) && !write_out(c, k))
        return;
    if (ready->what & (PTN_LOOP_IN | PTN_LOOP_ERROR))
        read_in(k);
}

/* A whole line of this client, if there is one. A client that says no more (it may still
 * listen for the answer), or whose line does not end, is let go once its lines are taken. */
static bool take_line(struct ptn_control *c, struct client *k, struct ptn_control_line *line)
{
    char *start = k->in + k->in_taken;
    size_t size = k->in_size - k->in_taken;
    char *end = size ? memchr(start, '\n', size) : NULL;

    if (end && !k->ending) {
        *end = '\0';
        k->in_taken += (size_t)(end - start) + 1;
        size_t text_size = (size_t)(end - start);
        if (text_size > 0 && start[text_size - 1] == '\r')
            start[--text_size] = '\0';
        *line = (struct ptn_control_line){k->id, ptn_bytes(start, text_size)};
        return true;
    }
    if (k->eof || size == PTN_CONTROL_LINE_MAX)
        ptn_control_end(c, k->id);
    return false;
}

bool ptn_control_line(struct ptn_control *c, struct ptn_control_line *line)
{
    for (size_t i = 0; i < PTN_CONTROL_CLIENTS_MAX; i++)
        if (c->clients[i].id && take_line(c, &c->clients[i], line))
            return true;
    return false;
}

static bool make_room(struct client *k, size_t more)
{
    size_t room = k->out_room ? k->out_room : 4096;

    if (k->out_size + more > PTN_CONTROL_QUEUE_MAX)
        return false;
    while (room < k->out_size + more)
        room *= 2;
    if (room == k->out_room)
        return true;
    uint8_t *grown = realloc(k->out, room);
    if (!grown)
        return false;
    k->out = grown;
    k->out_room = room;
    return true;
}

enum ptn_err ptn_control_send(struct ptn_control *c, uint32_t client, struct ptn_bytes text)
{
    struct client *k = find(c, client);

    if (!k || k->ending)
        return PTN_ERR_NOT_FOUND;
    if (!make_room(k, text.size + 1)) {
        drop(c, k);
        return PTN_ERR_NO_ROOM;
    }
    if (text.size > 0)
        memcpy(k->out + k->out_size, text.data, text.size);
    k->out[k->out_size + text.size] = '\n';
    k->out_size += text.size + 1;
    return write_out(c, k) ? PTN_OK : PTN_ERR_RESET;
}

void ptn_control_end(struct ptn_control *c, uint32_t client)
{
    struct client *k = find(c, client);

    if (!k)
        return;
    k->ending = true;
    if (write_out(c, k))
        watch(c, k);
}
