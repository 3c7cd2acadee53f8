/*
 * server/certificates.c - reading our certificate, at the start and whenever it was renewed.
 */
#include "os/clock.h"
#include "os/privileges.h"
#include "server.h"

enum { SOON_S = 14 * 86400 };

struct ptn_tls_opts server_certificate_options(const struct server_settings *set)
{
    return (struct ptn_tls_opts){.certificate = set->cert,
                                 .key = set->pkey,
                                 .key_password = set->pkey_pwd,
                                 .ciphers = set->cipher_list,
                                 .clients_ca_file = set->ca_file,
                                 .only_1_3 = set->no_tlsv1_2};
}

/* Those who renew it by hand forget it. */
static void look_at_date(struct server *s, const struct ptn_tls_rules *tls)
{
    struct ptn_tls_shown shown;

    if (!ptn_tls_rules_shown(tls, &shown))
        return;
    s->certificate_until_s = (int64_t)(ptn_clock_unix_ns() / 1000000000) + shown.left_s;
    if (shown.left_s <= 0)
        ptn_log(&s->log, PTN_LOG_ERROR, "cert: for %s, has expired on %s: clients will refuse it",
                shown.names, shown.until);
    else
        ptn_log(&s->log, shown.left_s < SOON_S ? PTN_LOG_WARN : PTN_LOG_INFO,
                "cert: for %s, until %s", shown.names, shown.until);
}

bool server_certificates_read(struct server *s, struct ptn_tls_rules **tls)
{
    const struct server_settings *set = s->settings;
    struct ptn_tls_opts opts = server_certificate_options(set);
    char sentence[PTN_TLS_SENTENCE_SIZE];

    *tls = NULL;
    s->certificate_until_s = 0;
    if (!set->cert[0])
        return true;
    ptn_privileges_borrow_reading(true);
    enum ptn_err err = ptn_tls_rules_new(&opts, tls, sentence);
    ptn_privileges_borrow_reading(false);
    if (err == PTN_OK)
        look_at_date(s, *tls);
    else
        ptn_log(&s->log, PTN_LOG_ERROR, "TLS: %s", sentence);
    return err == PTN_OK;
}

bool server_certificates_dtls(struct server *s, struct ptn_dtls_rules **dtls)
{
    const struct server_settings *set = s->settings;
    struct ptn_tls_opts opts = server_certificate_options(set);
    char sentence[PTN_TLS_SENTENCE_SIZE];

    *dtls = NULL;
    if (!set->cert[0] || set->no_dtls || set->no_tlsv1_2)
        return true;
    ptn_privileges_borrow_reading(true);
    enum ptn_err err = ptn_dtls_rules_new(&opts, dtls, sentence);
    ptn_privileges_borrow_reading(false);
    if (err != PTN_OK)
        ptn_log(&s->log, PTN_LOG_ERROR, "DTLS: %s", sentence);
    return err == PTN_OK;
}
