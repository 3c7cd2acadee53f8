/*
 * phone/settings.h - all settings of a phone as one struct, made from settings.def.
 */
#ifndef PTN_PHONE_SETTINGS_H
#define PTN_PHONE_SETTINGS_H

#include "base/log.h"
#include "conf/conf.h"

#define PTN_PHONE_ACCOUNTS 16
#define PTN_PHONE_SERVERS 2
#define PTN_PHONE_CODECS 16 /* lines of account.X.codec.Y */

struct phone_settings {
#define PTN_CONF_DEF "phone/settings.def"
#include "conf/as_fields.h"
};

extern const struct ptn_conf_table phone_settings_table;

/* The words of account.X.nat.nat_traversal and others, in the order of settings.def. */
enum phone_nat { PHONE_NAT_DISABLED, PHONE_NAT_STUN, PHONE_NAT_MANUAL, PHONE_NAT_AUTO };
enum phone_stun { PHONE_STUN_OFF, PHONE_STUN_ON, PHONE_STUN_AUTO };
enum phone_turn_transport { PHONE_TURN_AUTO, PHONE_TURN_UDP, PHONE_TURN_TCP, PHONE_TURN_TLS };
enum phone_transport { PHONE_UDP, PHONE_TCP, PHONE_TLS, PHONE_NAPTR };
enum phone_redundancy { PHONE_CONCURRENT, PHONE_SUCCESSIVE };
enum phone_failback {
    PHONE_FAILBACK_NEW_REQUESTS,
    PHONE_FAILBACK_DNS_TTL,
    PHONE_FAILBACK_REGISTRATION,
    PHONE_FAILBACK_DURATION
};
enum phone_stream_port { PHONE_PORT_RANDOM_SOURCE, PHONE_PORT_RANDOM, PHONE_PORT_FIXED };
enum phone_keepalive {
    PHONE_KEEPALIVE_OFF,
    PHONE_KEEPALIVE_DEFAULT,
    PHONE_KEEPALIVE_OPTIONS,
    PHONE_KEEPALIVE_NOTIFY
};
enum phone_symmetric {
    PHONE_RTP_ANYWHERE,
    PHONE_RTP_SAME_ADDRESS,
    PHONE_RTP_SAME_PORT,
    PHONE_RTP_SIGNALLED
};

/* Reads command line and files into `s`. Everything wrong goes to `r`; false when the command
 * line itself is wrong or a file cannot be read (which it has said on standard error). */
bool phone_settings_load(struct phone_settings *s, int argc, char *const *argv,
                         struct ptn_conf_report *r);

/* To whom it is said what settings mean together, and where they came from. */
struct phone_complaints {
    const struct ptn_log *log;
    const struct ptn_conf_report *report; /* of phone_settings_load; NULL: not known */
};

/* "phone.cfg:12: " of the line that set `key`, if one did, and the sentence. */
__attribute__((format(printf, 4, 5))) void phone_complain(const struct phone_complaints *c,
                                                          enum ptn_log_level level, const char *key,
                                                          const char *format, ...);

/* "00:15:65:aa:BB:cc" as the 12 lower-case digits in file names; false when it is none. */
bool phone_mac_digits(const char *mac, char digits[static 13]);

#endif
