/*
 * os/http.h - a small HTTP server on the loop: GET, answered with a text.
 *
 * For metrics and health, asked by one or two programs now and then. Nothing is called back:
 * requests wait until their owner has taken and answered them.
 */
#ifndef PTN_OS_HTTP_H
#define PTN_OS_HTTP_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "os/loop.h"

enum {
    PTN_HTTP_CLIENTS_MAX = 32,
    PTN_HTTP_EACH_MAX = 16, /* of one address: whoever says nothing keeps no others out */
    PTN_HTTP_PATH_SIZE = 200,
};

struct ptn_http;

/* `l` is borrowed for its life. PTN_ERR_UNSUPPORTED: libmicrohttpd is not installed. */
enum ptn_err ptn_http_new(struct ptn_loop *l, uint8_t owner, const struct ptn_addr *local,
                          struct ptn_http **out);
void ptn_http_free(struct ptn_http *h);

/* Feeds what the loop said is ready, or the time when deadline() has come. */
void ptn_http_ready(struct ptn_http *h);
ptn_time ptn_http_deadline(const struct ptn_http *h, ptn_time now);

struct ptn_http_request {
    uint32_t id;
    char path[PTN_HTTP_PATH_SIZE]; /* without the query, cut */
};

/* The next one; false when there is none. Other methods than GET and HEAD were answered already. */
bool ptn_http_request(struct ptn_http *h, struct ptn_http_request *request);

/* Once for each request. Copies the text. */
void ptn_http_answer(struct ptn_http *h, uint32_t id, unsigned status, const char *type,
                     struct ptn_bytes text);

#endif
