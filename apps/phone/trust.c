/*
 * phone/trust.c - whom the phone trusts, and what it shows of itself, over TLS.
 */
#include "phone/phone.h"

bool phone_trust_init(struct ptn_tls_rules **rules, const struct phone_settings *s,
                      const struct ptn_log *log)
{
    struct ptn_tls_opts opts = {.ca_file = s->tls_ca_file,
                                .ca_dir = s->tls_ca_dir,
                                .certificate = s->tls_certificate,
                                .key = s->tls_key,
                                .trust_anyone = !s->tls_trusted_only,
                                .any_name = !s->tls_name};
    char sentence[PTN_TLS_SENTENCE_SIZE];

    if (ptn_tls_rules_new(&opts, rules, sentence) != PTN_OK) {
        ptn_log(log, PTN_LOG_ERROR, "postern.tls: %s", sentence);
        return false;
    }
    if (opts.trust_anyone)
        ptn_log(log, PTN_LOG_WARN,
                "TLS PROTECTS FROM NOBODY: static.security.trust_certificates is 0, so any "
                "certificate is accepted, and whoever is in the way can read and change all");
    else if (opts.any_name)
        ptn_log(log, PTN_LOG_WARN,
                "static.security.cn_validation is 0: a certificate of any name is accepted, if a "
                "trusted CA has signed it");
    return true;
}
