/*
 * phone/trust.c - whom the phone trusts, and what it shows of itself, over TLS.
 */
#include <string.h>

#include "phone/phone.h"

/* The setting whose file the sentence is about. */
static const char *key_of(const struct phone_settings *s, const char *sentence)
{
    const struct {
        const char *key, *path;
    } files[] = {{"postern.tls.ca_file", s->tls_ca_file},
                 {"postern.tls.ca_dir", s->tls_ca_dir},
                 {"postern.tls.key", s->tls_key},
                 {"postern.tls.certificate", s->tls_certificate}};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i].path[0] && strstr(sentence, files[i].path))
            return files[i].key;
    return "postern.tls.certificate";
}

bool phone_trust_is_needed(const struct ptn_ua_opts *opts)
{
    bool turns = opts->turn.by == PTN_RELAYS_BY_ANY || opts->turn.by == PTN_RELAYS_BY_TLS;

    return opts->tls || (opts->turn.server_count > 0 && turns);
}

bool phone_trust_init(struct ptn_tls_rules **rules, const struct phone_settings *s,
                      const struct phone_complaints *c)
{
    struct ptn_tls_opts opts = {.ca_file = s->tls_ca_file,
                                .ca_dir = s->tls_ca_dir,
                                .certificate = s->tls_certificate,
                                .key = s->tls_key,
                                .trust_anyone = !s->tls_trusted_only,
                                .any_name = !s->tls_name};
    char sentence[PTN_TLS_SENTENCE_SIZE];

    if (ptn_tls_rules_new(&opts, rules, sentence) != PTN_OK) {
        phone_complain(c, PTN_LOG_ERROR, key_of(s, sentence), "postern.tls: %s", sentence);
        return false;
    }
    if (opts.trust_anyone)
        phone_complain(
            c, PTN_LOG_WARN, "static.security.trust_certificates",
            "TLS PROTECTS FROM NOBODY: static.security.trust_certificates is 0, so any "
            "certificate is accepted, and whoever is in the way can read and change all");
    else if (opts.any_name)
        phone_complain(
            c, PTN_LOG_WARN, "static.security.cn_validation",
            "static.security.cn_validation is 0: a certificate of any name is accepted, if a "
            "trusted CA has signed it");
    return true;
}
