/*
 * Streams of TLS between two machines on loopback, with certificates made for the test.
 */
#include "os/tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/os/probes.h"

/* ---- certificates ---- */

static char folder[64];

static char *file(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

struct issued {
    X509 *certificate;
    EVP_PKEY *key;
};

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    CHECK(extension && X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

/* Written to `name`.pem, the key to `name`.key. `names` NULL: a CA that signs itself. */
static struct issued issue(const char *name, const struct issued *ca, const char *names,
                           long first_s, long last_s)
{
    static long serial;
    struct issued i = {X509_new(), EVP_EC_gen("P-256")};
    X509_NAME *subject = X509_get_subject_name(i.certificate);
    char path[32];

    X509_set_version(i.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(i.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(i.certificate), first_s);
    X509_gmtime_adj(X509_getm_notAfter(i.certificate), last_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(i.certificate, ca ? X509_get_subject_name(ca->certificate) : subject);
    X509_set_pubkey(i.certificate, i.key);
    if (names)
        add_extension(i.certificate, NID_subject_alt_name, names);
    else
        add_extension(i.certificate, NID_basic_constraints, "critical,CA:TRUE");
    CHECK(X509_sign(i.certificate, ca ? ca->key : i.key, EVP_sha256()) > 0);

    snprintf(path, sizeof path, "%s.pem", name);
    FILE *f = fopen(file(path), "w");
    CHECK(f && PEM_write_X509(f, i.certificate));
    fclose(f);
    snprintf(path, sizeof path, "%s.key", name);
    f = fopen(file(path), "w");
    CHECK(f && PEM_write_PrivateKey(f, i.key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    return i;
}

static void forget(struct issued i)
{
    X509_free(i.certificate);
    EVP_PKEY_free(i.key);
}

enum { DAY = 86400 };

static void make_certificates(void)
{
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "/tmp/postern-tls-XXXXXX");
    CHECK(mkdtemp(folder));
    struct issued ca = issue("our-ca", NULL, NULL, -DAY, DAY);
    forget(issue("their-ca", NULL, NULL, -DAY, DAY));
    forget(issue("good", &ca, "DNS:sip.test,IP:127.0.0.1", -DAY, DAY));
    forget(issue("expired", &ca, "DNS:sip.test", -2 * DAY, -DAY));
    forget(issue("early", &ca, "DNS:sip.test", DAY, 2 * DAY));
    forget(ca);
}

/* ---- the log, for its sentences ---- */

static char said[4096];

static void hear(void *self, enum ptn_log_level level, const char *text)
{
    size_t used = strlen(said);

    (void)self;
    (void)level;
    snprintf(said + used, sizeof said - used, "%s\n", text);
}

static const struct ptn_log listening = {.write = hear, .max = PTN_LOG_DEBUG};

/* ---- two ends ---- */

struct ends {
    struct fixture f;
    struct ptn_tls_rules *rules;
    struct ptn_addr server;
};

/* b listens with `certificate`; both trust the CA in the file `ca`. */
static void set_up_tls(struct ends *e, const char *certificate, const char *ca,
                       struct ptn_tls_opts opts)
{
    char sentence[PTN_TLS_SENTENCE_SIZE], pem[32], key[32];

    make_certificates();
    said[0] = '\0';
    snprintf(pem, sizeof pem, "%s.pem", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    opts.certificate = file(pem);
    opts.key = file(key);
    opts.ca_file = file(ca);
    CHECK_EQ(PTN_OK, ptn_tls_rules_new(&opts, &e->rules, sentence));
    set_up_with(&e->f, 16, e->rules, &listening);
    e->server = listen_stream(&e->f, &e->f.b, 5, PTN_TLS, &loopback);
}

static void tear_down_tls(struct ends *e)
{
    tear_down(&e->f);
    ptn_tls_rules_free(e->rules);
}

static void connect_from(struct ends *e, ptn_id id, struct ptn_addr local, const char *name)
{
    ask(&e->f.a, (struct ptn_ask){.kind = PTN_ASK_CONNECT,
                                  .id = id,
                                  .transport = PTN_TLS,
                                  .local = local,
                                  .to = e->server,
                                  .name = name});
}

static void say(struct probe *p, ptn_id id, const char *text)
{
    ask(p, (struct ptn_ask){.kind = PTN_ASK_STREAM, .id = id, .bytes = ptn_bytes_of_text(text)});
}

TEST(both_ends_hear_each_other_and_the_end)
{
    struct ends e;

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){0});
    connect_from(&e, 9, loopback, "sip.test");
    say(&e.f.a, 9, "before hands are shaken");
    const struct ptn_tell *opened = wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 9);
    CHECK_EQ(PTN_TLS, opened->transport);
    CHECK_ADDR(&e.server, &opened->from);
    const struct ptn_tell *accepted = wait_tell(&e.f, &e.f.b, PTN_TELL_ACCEPTED, 0);
    CHECK_EQ(PTN_TLS, accepted->transport);
    CHECK_EQ(5, accepted->listener);
    CHECK_ADDR(&opened->local, &accepted->from);
    ptn_id there = accepted->id;
    CHECK_STR("before hands are shaken",
              text_of(&e.f.b, wait_tell(&e.f, &e.f.b, PTN_TELL_STREAM, there)));

    say(&e.f.b, there, "last words");
    ask(&e.f.b, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = there});
    CHECK_STR("last words", text_of(&e.f.a, wait_tell(&e.f, &e.f.a, PTN_TELL_STREAM, 9)));
    CHECK_EQ(PTN_OK, wait_tell(&e.f, &e.f.a, PTN_TELL_CLOSED, 9)->why);
    tear_down_tls(&e);
}

TEST(a_megabyte_arrives_whole_in_both_directions)
{
    static uint8_t much[900000];
    struct ends e;

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){0});
    connect_from(&e, 9, loopback, "sip.test");
    wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 9);
    ptn_id there = wait_tell(&e.f, &e.f.b, PTN_TELL_ACCEPTED, 0)->id;
    struct ptn_ask a = {.kind = PTN_ASK_STREAM, .id = 9, .bytes = ptn_bytes(much, sizeof much)};
    ask(&e.f.a, a);
    a.id = there;
    ask(&e.f.b, a);
    for (unsigned i = 0;
         i < 2000 && (e.f.b.stream_size < sizeof much || e.f.a.stream_size < sizeof much); i++)
        turn(&e.f);
    CHECK_EQ(sizeof much, e.f.b.stream_size);
    CHECK_EQ(sizeof much, e.f.a.stream_size);
    tear_down_tls(&e);
}

TEST(connections_bear_the_mark_that_was_asked_for)
{
    struct ends e;

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){0});
    ask(&e.f.b,
        (struct ptn_ask){
            .kind = PTN_ASK_LISTEN, .id = 6, .transport = PTN_TLS, .local = loopback, .dscp = 26});
    e.server = wait_tell(&e.f, &e.f.b, PTN_TELL_OPENED, 6)->local;
    ask(&e.f.a, (struct ptn_ask){.kind = PTN_ASK_CONNECT,
                                 .id = 9,
                                 .transport = PTN_TLS,
                                 .local = loopback_2,
                                 .to = e.server,
                                 .name = "sip.test",
                                 .dscp = 40});
    struct ptn_addr a = wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 9)->local;
    wait_tell(&e.f, &e.f.b, PTN_TELL_ACCEPTED, 0);
    struct marked there = count_marked(e.server.port, 26), here = count_marked(a.port, 40);
    CHECK(there.sockets == 2 && there.so == 2);
    CHECK(here.sockets == 1 && here.so == 1);
    tear_down_tls(&e);
}

TEST(one_port_listens_and_is_the_source_again_and_again)
{
    struct ends e;

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){0});
    struct ptn_addr a = listen_stream(&e.f, &e.f.a, 1, PTN_TLS, &loopback_2);
    for (unsigned i = 0; i < 3; i++) {
        e.f.a.tell_count = 0;
        connect_from(&e, 9, a, "sip.test");
        CHECK_ADDR(&a, &wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 9)->local);
        say(&e.f.a, 9, "last");
        ask(&e.f.a, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 9});
        e.f.b.stream_size = 0;
        for (unsigned n = 0; n < 40 && (!e.f.b.stream_size || ptn_host_closing(e.f.host)); n++)
            turn(&e.f);
        CHECK_EQ(4, e.f.b.stream_size);
    }
    tear_down_tls(&e);
}

TEST(each_thing_wrong_with_a_certificate_has_a_sentence_of_its_own)
{
    static const struct {
        const char *certificate, *ca, *name, *sentence;
        enum ptn_err why;
    } cases[] = {
        {"good", "our-ca.pem", "other.test",
         "the certificate is for sip.test, 127.0.0.1, not for other.test", PTN_ERR_CERT_NAME},
        {"good", "our-ca.pem", "127.0.0.9",
         "the certificate is for sip.test, 127.0.0.1, not for 127.0.0.9", PTN_ERR_CERT_NAME},
        {"expired", "our-ca.pem", "sip.test", "the certificate expired on ", PTN_ERR_CERT_DATE},
        {"early", "our-ca.pem", "sip.test", "the certificate is not valid before ",
         PTN_ERR_CERT_DATE},
        {"good", "their-ca.pem", "sip.test",
         "the certificate was signed by /CN=our-ca, which is no CA trusted here", PTN_ERR_CERT_CA},
        {"their-ca", "our-ca.pem", "sip.test",
         "the certificate was signed by /CN=their-ca, which is no CA trusted here",
         PTN_ERR_CERT_CA},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ends e;
        set_up_tls(&e, cases[i].certificate, cases[i].ca, (struct ptn_tls_opts){0});
        connect_from(&e, 9, loopback, cases[i].name);
        CHECK_EQ(cases[i].why, wait_tell(&e.f, &e.f.a, PTN_TELL_FAILED, 9)->why);
        if (!strstr(said, cases[i].sentence))
            print_error("# %s: %s\n", cases[i].sentence, said);
        CHECK(strstr(said, cases[i].sentence));
        for (unsigned n = 0; n < 40 && !ptn_host_counts(e.f.host)->handshakes_failed; n++)
            turn(&e.f);
        CHECK_EQ(1, ptn_host_counts(e.f.host)->handshakes_failed);
        for (size_t n = 0; n < e.f.b.tell_count; n++)
            CHECK(e.f.b.tells[n].kind != PTN_TELL_ACCEPTED);
        tear_down_tls(&e);
    }
}

TEST(an_address_in_the_certificate_is_a_name_too)
{
    struct ends e;

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){0});
    connect_from(&e, 9, loopback, "127.0.0.1");
    wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 9);
    connect_from(&e, 10, loopback, NULL); /* then it is the address that is asked for */
    wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 10);
    tear_down_tls(&e);
}

TEST(who_trusts_anyone_takes_anything_and_who_takes_any_name_still_wants_a_ca)
{
    struct ends e;

    set_up_tls(&e, "expired", "their-ca.pem", (struct ptn_tls_opts){.trust_anyone = true});
    connect_from(&e, 9, loopback, "other.test");
    wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 9);
    tear_down_tls(&e);

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){.any_name = true});
    connect_from(&e, 9, loopback, "other.test");
    wait_tell(&e.f, &e.f.a, PTN_TELL_OPENED, 9);
    tear_down_tls(&e);

    set_up_tls(&e, "good", "their-ca.pem", (struct ptn_tls_opts){.any_name = true});
    connect_from(&e, 9, loopback, "other.test");
    CHECK_EQ(PTN_ERR_CERT_CA, wait_tell(&e.f, &e.f.a, PTN_TELL_FAILED, 9)->why);
    tear_down_tls(&e);
}

TEST(who_does_not_speak_tls_is_refused_on_either_side)
{
    struct ends e;

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){0});
    struct ptn_ask plain = {
        .kind = PTN_ASK_CONNECT, .id = 9, .transport = PTN_TCP, .local = loopback, .to = e.server};
    ask(&e.f.a, plain);
    say(&e.f.a, 9, "OPTIONS sip:a SIP/2.0\r\n\r\n");
    wait_tell(&e.f, &e.f.a, PTN_TELL_CLOSED, 9);
    CHECK_EQ(1, ptn_host_counts(e.f.host)->handshakes_failed);

    e.server = listen_stream(&e.f, &e.f.b, 6, PTN_TCP, &loopback);
    connect_from(&e, 10, loopback, "sip.test");
    ptn_id there = wait_tell(&e.f, &e.f.b, PTN_TELL_ACCEPTED, 0)->id;
    say(&e.f.b, there, "SIP/2.0 400 Bad\r\n\r\n");
    CHECK_EQ(PTN_ERR_UNSUPPORTED, wait_tell(&e.f, &e.f.a, PTN_TELL_FAILED, 10)->why);
    CHECK(strstr(said, "wrong version number"));
    tear_down_tls(&e);
}

TEST(who_hangs_up_in_the_middle_of_the_handshake_is_a_reset)
{
    struct ends e;

    set_up_tls(&e, "good", "our-ca.pem", (struct ptn_tls_opts){0});
    e.server = listen_stream(&e.f, &e.f.b, 6, PTN_TCP, &loopback);
    connect_from(&e, 9, loopback, "sip.test");
    ptn_id there = wait_tell(&e.f, &e.f.b, PTN_TELL_STREAM, 0)->id;
    ask(&e.f.b, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = there});
    CHECK_EQ(PTN_ERR_RESET, wait_tell(&e.f, &e.f.a, PTN_TELL_FAILED, 9)->why);
    tear_down_tls(&e);
}

TEST(files_that_are_no_certificates_are_named)
{
    struct ptn_tls_rules *rules;
    char sentence[PTN_TLS_SENTENCE_SIZE];

    make_certificates();
    CHECK_EQ(
        PTN_ERR_INVALID,
        ptn_tls_rules_new(&(struct ptn_tls_opts){.ca_file = "/nowhere/ca.pem"}, &rules, sentence));
    CHECK(strstr(sentence, "/nowhere/ca.pem: no CA certificates in PEM"));
    CHECK(!rules);
    CHECK_EQ(PTN_ERR_NOT_FOUND,
             ptn_tls_rules_new(&(struct ptn_tls_opts){.ca_dir = "/nowhere"}, &rules, sentence));
    CHECK(strstr(sentence, "/nowhere: no folder with .pem, .crt or .cer files"));
    CHECK_EQ(PTN_ERR_INVALID,
             ptn_tls_rules_new(&(struct ptn_tls_opts){.certificate = file("good.key")}, &rules,
                               sentence));
    CHECK(strstr(sentence, "good.key: no certificate in PEM"));
    CHECK_EQ(PTN_ERR_INVALID,
             ptn_tls_rules_new(&(struct ptn_tls_opts){.certificate = file("good.pem"),
                                                      .key = file("expired.key")},
                               &rules, sentence));
    CHECK(strstr(sentence, "expired.key: the private key is not that of "));
    CHECK(strstr(sentence, "good.pem"));
    CHECK_EQ(PTN_ERR_INVALID,
             ptn_tls_rules_new(&(struct ptn_tls_opts){.certificate = file("good.pem")}, &rules,
                               sentence));
    CHECK(strstr(sentence, "good.pem: no private key in PEM"));
}

TEST(a_locked_key_wants_its_password)
{
    struct ptn_tls_rules *rules;
    char sentence[PTN_TLS_SENTENCE_SIZE];

    make_certificates();
    FILE *in = fopen(file("good.key"), "r"), *out = fopen(file("locked.key"), "w");
    CHECK(in && out);
    EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
    CHECK(PEM_write_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), "sesame", 6, NULL, NULL));
    EVP_PKEY_free(key);
    fclose(in);
    fclose(out);

    struct ptn_tls_opts opts = {.certificate = file("good.pem"), .key = file("locked.key")};
    CHECK_EQ(PTN_ERR_INVALID, ptn_tls_rules_new(&opts, &rules, sentence));
    CHECK(strstr(sentence, "locked.key: the private key is locked, and no password is set"));
    opts.key_password = "simsim";
    CHECK_EQ(PTN_ERR_INVALID, ptn_tls_rules_new(&opts, &rules, sentence));
    CHECK(strstr(sentence, "locked.key: the private key is locked, by another password"));
    opts.key_password = "sesame";
    CHECK_EQ(PTN_OK, ptn_tls_rules_new(&opts, &rules, sentence));
    ptn_tls_rules_free(rules);
}

TEST(a_certificate_tells_whose_it_is_and_how_long_it_holds)
{
    static const struct {
        const char *name, *names;
        int64_t left_s;
    } cases[] = {{"good", "sip.test, 127.0.0.1", DAY}, {"expired", "sip.test", -DAY}};
    char pem[32], key[32], sentence[PTN_TLS_SENTENCE_SIZE];

    make_certificates();
    for (size_t i = 0; i < 2; i++) {
        struct ptn_tls_rules *rules;
        struct ptn_tls_shown shown;
        snprintf(pem, sizeof pem, "%s.pem", cases[i].name);
        snprintf(key, sizeof key, "%s.key", cases[i].name);
        struct ptn_tls_opts opts = {.certificate = file(pem), .key = file(key)};
        CHECK_EQ(PTN_OK, ptn_tls_rules_new(&opts, &rules, sentence));
        CHECK(ptn_tls_rules_shown(rules, &shown));
        CHECK_STR(cases[i].names, shown.names);
        CHECK(shown.left_s <= cases[i].left_s && shown.left_s > cases[i].left_s - 3600);
        CHECK(strstr(shown.until, " UTC"));
        ptn_tls_rules_free(rules);
    }
    struct ptn_tls_rules *none;
    struct ptn_tls_shown shown;
    CHECK_EQ(PTN_OK, ptn_tls_rules_new(&(struct ptn_tls_opts){0}, &none, sentence));
    CHECK(!ptn_tls_rules_shown(none, &shown));
    ptn_tls_rules_free(none);
}

TEST(a_folder_of_cas_needs_no_hashed_names)
{
    struct ptn_tls_rules *rules;
    char sentence[PTN_TLS_SENTENCE_SIZE];

    make_certificates();
    CHECK_EQ(PTN_OK, ptn_tls_rules_new(&(struct ptn_tls_opts){.ca_dir = folder}, &rules, sentence));
    CHECK(!ptn_tls_rules_have_certificate(rules));
    ptn_tls_rules_free(rules);
}

TEST(the_folder_is_tidied_up)
{
    static const char *const names[] = {"our-ca", "their-ca", "good", "expired", "early"};
    char path[32];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s.pem", names[i]);
        unlink(file(path));
        snprintf(path, sizeof path, "%s.key", names[i]);
        unlink(file(path));
    }
    unlink(file("locked.key"));
    CHECK_EQ(0, rmdir(folder));
}
