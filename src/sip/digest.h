/*
 * sip/digest.h - answering digest challenges, and knowing when to stop.
 *
 * An account keeps one `auth`: per realm the last challenge and how often its nonce was
 * used, so that later requests carry credentials from the start. Each request that may be
 * challenged keeps a `chain`: a realm that refuses fresh credentials has refused the
 * password, and asking again would lock accounts out.
 *
 * RFC 7616 with RFC 8760 (SIP), and RFC 2617 for servers without qop.
 */
#ifndef PTN_SIP_DIGEST_H
#define PTN_SIP_DIGEST_H

#include "base/cursor.h"
#include "base/dice.h"
#include "crypto/crypto.h"

enum { PTN_SIP_REALMS_MAX = 4 };

struct ptn_sip_challenge {
    bool proxy; /* Proxy-Authenticate rather than WWW-Authenticate */
    enum ptn_digest algorithm;
    bool session; /* the -sess variant of it */
    bool said;    /* the algorithm was named, so we name it too */
    bool qop;     /* auth was offered; without, RFC 2069's form */
    bool stale;
    struct ptn_bytes realm, nonce, opaque; /* as quoted: escapes are kept; borrowed */
};

/* False: no Digest challenge that we can answer (scheme, algorithm, qop or a text too long). */
bool ptn_sip_challenge_parse(struct ptn_bytes value, bool proxy, struct ptn_sip_challenge *out);

struct ptn_sip_realm {
    struct ptn_sip_challenge challenge; /* its texts are below */
    uint32_t nonce_count;
    uint8_t texts[];
};

/* All zero: nobody has asked. */
struct ptn_sip_auth {
    struct ptn_sip_realm *realms[PTN_SIP_REALMS_MAX]; /* NULL: free */
};

void ptn_sip_auth_fini(struct ptn_sip_auth *auth);

struct ptn_sip_auth_chain {
    unsigned rounds;
    unsigned answered; /* realms, by bit, to which this chain has given fresh credentials */
};

struct ptn_sip_credentials {
    const char *user, *password; /* password NULL: none */
};

/* Takes the challenges of one 401 or 407 in; of several for one realm the strongest counts.
 * True: send the request again, with a higher CSeq. False: give up. */
bool ptn_sip_auth_challenged(struct ptn_sip_auth *auth, struct ptn_sip_auth_chain *chain,
                             const struct ptn_sip_challenge *challenges, size_t count);

/* Authentication-Info: the nonce for the next request (RFC 7616 §3.5). Not naming its realm,
 * it concerns the realm answered last; ignored while several could be meant. */
void ptn_sip_auth_info(struct ptn_sip_auth *auth, struct ptn_bytes value);

/* Appends an Authorization or Proxy-Authorization line for each realm known. */
void ptn_sip_auth_print(struct ptn_sip_auth *auth, struct ptn_crypto *crypto, struct ptn_dice *dice,
                        const struct ptn_sip_credentials *who, const char *method, const char *uri,
                        struct ptn_writer *w);

/* The response digest in lower-case hexadecimal; `nonce_count` 0 is RFC 2069's form. */
void ptn_sip_digest_response(struct ptn_crypto *crypto, const struct ptn_sip_challenge *c,
                             const struct ptn_sip_credentials *who, const char *method,
                             const char *uri, uint32_t nonce_count, const char *cnonce,
                             char out[static 2 * PTN_DIGEST_BYTES_MAX + 1]);

#endif
