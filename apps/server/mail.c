/*
 * server/mail.c - what a letter carries: the relay's mail, and the descriptor it is about.
 *
 * A descriptor belongs to the letter while it is under way: a letter that cannot be delivered
 * closes it.
 */
#include "mail.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker.h"

struct packet {
    struct ptn_relay_mail mail; /* bytes follow the packet */
    int fd;                     /* GIVEN; -1: none */
    bool has_stream;
    struct ptn_host_stream stream; /* MOVE */
};

struct found {
    size_t name_size, password_size, key_size; /* which follow, in this order */
};

static void close_carried(struct packet *p)
{
    if (p->fd >= 0)
        close(p->fd);
    if (p->has_stream)
        ptn_host_stream_close(&p->stream);
}

static void deliver(struct server_mail *m, unsigned to, struct packet *p, struct ptn_bytes bytes)
{
    uint8_t *letter = malloc(sizeof *p + bytes.size);
    enum ptn_err err = PTN_ERR_NO_MEMORY;

    if (letter) {
        memcpy(letter, p, sizeof *p);
        if (bytes.size > 0)
            memcpy(letter + sizeof *p, bytes.data, bytes.size);
        err = to < m->crew->count
                  ? ptn_mailbox_post(server_worker_mailbox(m->crew->workers[to]), SERVER_MAIL_RELAY,
                                     m->number, ptn_bytes(letter, sizeof *p + bytes.size))
                  : PTN_ERR_NOT_FOUND;
    }
    free(letter);
    if (err != PTN_OK) {
        close_carried(p);
        m->lost++;
    }
}

void server_mail_send(struct server_mail *m, ptn_time now, const struct ptn_relay_mail *mail)
{
    struct packet p = {.mail = *mail, .fd = -1};

    switch (mail->kind) {
    case PTN_RELAY_MAIL_WANTED: break;
    case PTN_RELAY_MAIL_GIVEN:
        if (mail->socket)
            p.fd = server_sockets_take(m->sockets, mail->socket);
        break;
    case PTN_RELAY_MAIL_MOVE:
        p.has_stream =
            ptn_host_give(m->streams->host, m->streams->machine, mail->socket, &p.stream);
        if (!p.has_stream)
            return; /* it has ended meanwhile */
        break;
    }
    (void)now;
    deliver(m, mail->to, &p, mail->bytes);
}

/* The relay says under which id it takes the socket. */
static void receive_given(struct server_mail *m, ptn_time now, struct packet *p)
{
    ptn_relay_post(m->relay, now, &p->mail);
    if (p->fd < 0)
        return;
    if (p->mail.socket == 0) {
        close(p->fd);
    } else if (server_sockets_put(m->sockets, p->mail.socket, p->fd) != PTN_OK) {
        close(p->fd);
        ptn_relay_input(m->relay, now,
                        &(struct ptn_tell){.kind = PTN_TELL_CLOSED,
                                           .id = p->mail.socket,
                                           .why = PTN_ERR_NO_MEMORY});
    }
}

static void receive_moved(struct server_mail *m, ptn_time now, struct packet *p)
{
    ptn_id id =
        ptn_host_adopt(m->streams->host, now, m->streams->machine, p->mail.listener, &p->stream);

    if (id)
        ptn_relay_input(
            m->relay, now,
            &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = id, .bytes = p->mail.bytes});
}

static void receive_user(struct server_mail *m, ptn_time now, const struct ptn_letter *letter)
{
    struct found f;
    const uint8_t *at = letter->data + sizeof f;

    memcpy(&f, letter->data, sizeof f);
    struct ptn_relay_user user = {.name = ptn_bytes(at, f.name_size),
                                  .password = ptn_bytes(at + f.name_size, f.password_size),
                                  .key = ptn_bytes(at + f.name_size + f.password_size, f.key_size)};
    ptn_relay_user_found(m->relay, now, &user);
}

void server_mail_receive(struct server_mail *m, ptn_time now, const struct ptn_letter *letter)
{
    struct packet p;

    if (letter->kind == SERVER_MAIL_USER) {
        receive_user(m, now, letter);
        return;
    }
    if (letter->kind == SERVER_MAIL_USER_UNDECIDED) {
        ptn_relay_user_undecided(m->relay, now, ptn_bytes(letter->data, letter->size));
        return;
    }
    memcpy(&p, letter->data, sizeof p);
    p.mail.bytes = ptn_bytes(letter->data + sizeof p, letter->size - sizeof p);
    switch (p.mail.kind) {
    case PTN_RELAY_MAIL_WANTED: ptn_relay_post(m->relay, now, &p.mail); break;
    case PTN_RELAY_MAIL_GIVEN: receive_given(m, now, &p); break;
    case PTN_RELAY_MAIL_MOVE: receive_moved(m, now, &p); break;
    }
}

void server_mail_discard(struct ptn_letter *letter)
{
    struct packet p;

    if (letter->kind == SERVER_MAIL_RELAY) {
        memcpy(&p, letter->data, sizeof p);
        close_carried(&p);
    }
    free(letter->data);
}

void server_mail_user_wanted(struct server_mail *m, struct ptn_bytes name, struct ptn_bytes realm)
{
    uint8_t text[2 * (PTN_RELAY_USER_BYTES + 2) + 1024];

    if (name.size + 1 + realm.size > sizeof text || !m->crew->main) {
        m->lost++;
        return;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    memcpy(text + name.size + 1, realm.data, realm.size);
    if (ptn_mailbox_post(m->crew->main, SERVER_LETTER_USER_WANTED, m->number,
                         ptn_bytes(text, name.size + 1 + realm.size)) != PTN_OK)
        m->lost++;
}

static void post_to_all(struct server_crew *crew, enum server_mail_kind kind,
                        struct ptn_bytes bytes)
{
    for (unsigned i = 0; i < crew->count; i++)
        ptn_mailbox_post(server_worker_mailbox(crew->workers[i]), kind, 0, bytes);
}

void server_mail_user_undecided(struct server_crew *crew, struct ptn_bytes name)
{
    post_to_all(crew, SERVER_MAIL_USER_UNDECIDED, name);
}

void server_mail_user_found(struct server_crew *crew, const struct ptn_relay_user *user)
{
    struct found f = {user->name.size, user->password.size, user->key.size};
    size_t size = sizeof f + f.name_size + f.password_size + f.key_size;
    uint8_t *text = malloc(size), *at = text;

    if (!text)
        return; /* the worker asks again with the next request */
    memcpy(at, &f, sizeof f);
    at += sizeof f;
    memcpy(at, user->name.data, f.name_size);
    at += f.name_size;
    if (f.password_size > 0)
        memcpy(at, user->password.data, f.password_size);
    at += f.password_size;
    if (f.key_size > 0)
        memcpy(at, user->key.data, f.key_size);
    post_to_all(crew, SERVER_MAIL_USER, ptn_bytes(text, size));
    free(text);
}
