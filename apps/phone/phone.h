/*
 * phone/phone.h - what the parts of postern-phone share.
 *
 * main.c owns the loop and moves asks, tells and events; sound.c holds files,
 * control.c the people and programs who ask and are told, report.c the words
 * for both; wire_up.c turns settings into options.
 */
#ifndef PTN_PHONE_PHONE_H
#define PTN_PHONE_PHONE_H

#include <jansson.h>

#include "os/control.h"
#include "os/soundfile.h"
#include "os/tls.h"
#include "phone/settings.h"
#include "phone/watch.h"
#include "ua/ua.h"

/* ---- wire_up.c ---- */

enum { PHONE_INSTANCE_SIZE = 64 };

/* Texts in `opts` point into `s` and `w`. */
struct phone_wiring {
    struct ptn_ua_stun_server stun[PTN_UA_STUN_MAX];
    char stun_names[PTN_UA_STUN_MAX][PTN_CONF_TEXT_SIZE];
    char instance[PHONE_INSTANCE_SIZE];            /* urn:uuid:… or empty */
    unsigned account_numbers[PTN_UA_ACCOUNTS_MAX]; /* X of account.X, by the phone's own count */
};

/* What settings do to each other, and what they cannot do here, is said to `complaints`. False when
 * there is something that cannot be begun with. Leaves source, dice and log of `opts` alone. */
bool phone_wire_up(const struct phone_settings *s, const struct ptn_addr *interfaces,
                   size_t interface_count, struct phone_wiring *w, struct ptn_ua_opts *opts,
                   const struct phone_complaints *complaints);

/* ---- sense.c ---- */

/* Says to `complaints` what fits its setting and cannot work, or hardly; false when it cannot. */
bool phone_makes_sense(const struct phone_settings *s, const struct phone_complaints *complaints);

/* ---- identity.c ---- */

/* Gives a phone without a MAC address an instance id of its own, the same at every start. None on a
 * machine that has no id. */
void phone_identity_complete(const struct phone_settings *s, struct phone_wiring *w,
                             struct ptn_ua_opts *opts);

/* The same from the machine's id and the instance's name; false: no memory. */
bool phone_identity_format(struct ptn_bytes machine_id, const char *instance,
                           char urn[static PHONE_INSTANCE_SIZE]);

/* ---- sound.c ---- */

struct phone_sound {
    struct ptn_sound played; /* the file behind the source, if any */
    struct ptn_source source;
    const char *record; /* path with or without {call}; empty: nothing is recorded */
    struct phone_tape {
        ptn_ua_call_id call;
        struct ptn_recording *recording;
    } tapes[PTN_UA_CALLS_MAX];
};

/* False when postern.sound.play names nothing that can be played; `c` says why. */
bool phone_sound_init(struct phone_sound *sound, const struct phone_settings *s,
                      const struct phone_complaints *c);
void phone_sound_fini(struct phone_sound *sound);

/* Opens the call's recording with its first frame; a file that cannot be written is logged once. */
void phone_sound_hear(struct phone_sound *sound, ptn_ua_call_id call, const int16_t *frame,
                      const struct ptn_log *log);
void phone_sound_end(struct phone_sound *sound, ptn_ua_call_id call);

/* ---- trust.c ---- */

/* Does the phone with these options speak TLS to anybody? */
bool phone_trust_is_needed(const struct ptn_ua_opts *opts);

/* Reads the files of CAs, certificate and key. What is wrong with them, and what is dangerous,
 * is said to `c`; false when there is something wrong. */
bool phone_trust_init(struct ptn_tls_rules **rules, const struct phone_settings *s,
                      const struct phone_complaints *c);

/* ---- reload.c ---- */

/* What was not right or not known, to standard error. */
void phone_print_notes(const struct ptn_conf_report *r, bool unknown_too);

/* The addresses of this machine, the one that packets to strangers leave from first. */
size_t phone_interfaces(struct ptn_addr *addrs, size_t max);

enum phone_reload_state {
    PHONE_RELOAD_NONE,
    PHONE_RELOAD_WAITING, /* `next` waits for the calls to end */
    PHONE_RELOAD_LEAVING, /* the registrations are being withdrawn */
    PHONE_RELOAD_LEFT,
};

struct phone_reload {
    int argc;
    char *const *argv;
    enum phone_reload_state state;
    ptn_time leave_by;
    struct phone_settings *next;   /* NULL: none was read */
    struct ptn_conf_report report; /* of the reading of `next` */
};

/* Reads command line and files again. False, and logged, when something is wrong: then nothing
 * changes. */
bool phone_reload_read(struct phone_reload *r, const struct ptn_log *log);

/* After each round. True when it is time to begin anew with `next`. */
bool phone_reload_go_on(struct phone_reload *r, ptn_time now, struct ptn_ua *ua);

void phone_reload_fini(struct phone_reload *r);

/* ---- report.c ---- */

/* A few words: "by the far end". */
const char *phone_report_ended_text(enum ptn_sip_ended ended);

/* New references. */
struct phone;
json_t *phone_report_status(const struct phone *p, ptn_time now); /* NULL: no memory */
/* NULL for what is no news, as a frame of sound. */
json_t *phone_report_event(const struct phone *p, const struct ptn_ua_event *ev);
json_t *phone_report_entry(const struct ptn_trace_entry *e);

/* ---- journal.c ---- */

/* Says what a person would tell another about a call; the phone itself says the rest. */
void phone_journal_event(const struct ptn_ua_event *ev, const struct ptn_log *log);

/* ---- control.c ---- */

struct phone {
    const struct phone_settings *settings;
    struct phone_wiring wiring;
    struct ptn_ua *ua;
    struct ptn_control *control;
    struct phone_sound sound;
    struct phone_watch watch;
    struct ptn_log log;
    uint32_t followers[PTN_CONTROL_CLIENTS_MAX]; /* clients that want events; 0 is free */
    struct phone_reader {                        /* clients that want what is traced; 0 is free */
        uint32_t client;
        uint64_t read; /* number of the last entry it was told of */
    } readers[PTN_CONTROL_CLIENTS_MAX];
    bool quit;   /* somebody asked for the end */
    bool reread; /* somebody changed the settings */
    struct phone_reload reload;
};

/* What a client is to be told from now on, besides answers. */
enum phone_follows {
    PHONE_FOLLOWS_NOTHING,
    PHONE_FOLLOWS_EVENTS,
    PHONE_FOLLOWS_TRACE, /* behind the entries of the answer */
};

/* Does what a line asks for; a new reference, an object with "ok", and "error" when that is false.
 * Needs no control socket. */
json_t *phone_control_answer(struct phone *p, ptn_time now, struct ptn_bytes line,
                             enum phone_follows *follows);

void phone_control_line(struct phone *p, ptn_time now, const struct ptn_control_line *line);

/* Tells all who follow. */
void phone_control_event(struct phone *p, const struct ptn_ua_event *ev);

/* After each round: who reads the trace is told what is new, and who follows if the capture ended
 * by itself. */
void phone_control_watch(struct phone *p);

#endif
