/*
 * base/err.h - why something could not be had: files, sockets, memory, names.
 *
 * Bytes from the network are no errors; each decoder has verdicts of its own.
 */
#ifndef PTN_BASE_ERR_H
#define PTN_BASE_ERR_H

#include <stdbool.h>

enum ptn_err {
    PTN_OK = 0,
    PTN_ERR_NO_MEMORY,
    PTN_ERR_NO_ROOM,       /* a fixed table or buffer is full */
    PTN_ERR_IN_USE,        /* the address or port is taken */
    PTN_ERR_NOT_PERMITTED, /* rights are missing */
    PTN_ERR_NOT_FOUND,     /* no such file, name or device */
    PTN_ERR_UNREACHABLE,   /* no route, or an ICMP error said so */
    PTN_ERR_REFUSED,       /* the far end said no */
    PTN_ERR_RESET,         /* the far end ended it without order */
    PTN_ERR_TIMED_OUT,
    PTN_ERR_NOT_TRUSTED, /* a certificate was not accepted; the next three say why more closely */
    PTN_ERR_CERT_NAME,
    PTN_ERR_CERT_DATE,
    PTN_ERR_CERT_CA,
    PTN_ERR_NO_SUCH_NAME, /* so the name servers say; with the next five: why a name leads nowhere
                           */
    PTN_ERR_NO_ADDRESS,   /* the name is there, but no address of it that we could use */
    PTN_ERR_NAMES_SILENT, /* no name server answers */
    PTN_ERR_NAMES_UNREACHABLE,
    PTN_ERR_NAMES_FAILED,  /* SERVFAIL */
    PTN_ERR_NAMES_REFUSED, /* REFUSED, NOTIMP */
    PTN_ERR_UNSUPPORTED,   /* this build, kernel or peer cannot do it */
    PTN_ERR_INVALID,       /* malformed text or bytes in a file */
    PTN_ERR_IO,            /* anything else the kernel answered */
};

/* Have the name servers answered, if only to say that there is nothing? */
static inline bool ptn_err_is_answer(enum ptn_err err)
{
    return err == PTN_OK || err == PTN_ERR_NO_SUCH_NAME;
}

/* Did a certificate displease us, or ours the far end? */
static inline bool ptn_err_is_about_trust(enum ptn_err err)
{
    return err >= PTN_ERR_NOT_TRUSTED && err <= PTN_ERR_CERT_CA;
}

/* A few lower-case words for a person, never NULL: "the address is in use". */
const char *ptn_err_text(enum ptn_err err);

#endif
