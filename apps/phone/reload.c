/*
 * phone/reload.c - reading the settings, and reading them again while the phone runs.
 *
 *     read, right        no calls            registrations withdrawn
 *   ------> WAITING ------------> LEAVING ---------------------> LEFT: begin anew
 *
 * All settings are taken up together, by a new machine in the place of the old one: so none
 * is half in effect, and each is allowed to change. A call is not dropped for it; the new
 * settings wait until nobody talks. What is wrong leaves everything as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/netif.h"
#include "phone/phone.h"

void phone_print_notes(const struct ptn_conf_report *r, bool unknown_too)
{
    for (size_t i = 0; i < r->note_count; i++)
        if (r->notes[i].kind != PTN_CONF_UNKNOWN || unknown_too)
            fprintf(stderr, "%s%s\n", r->notes[i].kind == PTN_CONF_WRONG ? "" : "note: ",
                    r->notes[i].text);
    if (r->counts[PTN_CONF_UNKNOWN] > 0 && !unknown_too)
        fprintf(stderr,
                "note: %zu keys are not known here and were passed over (--unknown lists "
                "them)\n",
                r->counts[PTN_CONF_UNKNOWN]);
}

size_t phone_interfaces(struct ptn_addr *addrs, size_t max)
{
    /* Addresses of documentation: asking for the way sends nothing. */
    static const char *const strangers[] = {"192.0.2.1", "2001:db8::1"};
    size_t count = 0;
    ptn_netif_list(addrs, max, &count);
    for (size_t n = 0; n < sizeof strangers / sizeof *strangers; n++) {
        struct ptn_addr to, from;
        if (!ptn_addr_parse(strangers[n], &to) || !ptn_netif_towards(&to, &from))
            continue;
        for (size_t i = 1; i < count; i++) {
            if (!ptn_addr_same_ip(&addrs[i], &from))
                continue;
            memmove(addrs + 1, addrs, i * sizeof *addrs);
            addrs[0] = from;
            break;
        }
    }
    return count;
}

/* Does it all go together? Says what does not. */
static bool fits(const struct phone_settings *s, struct phone_sound *sound,
                 const struct phone_complaints *c)
{
    static struct phone_wiring wiring;
    static struct ptn_ua_opts opts;
    struct ptn_addr interfaces[PTN_NETIF_ADDRS_MAX];
    size_t count = phone_interfaces(interfaces, PTN_NETIF_ADDRS_MAX);

    opts = (struct ptn_ua_opts){0};
    bool ok =
        phone_wire_up(s, interfaces, count, &wiring, &opts, c) && phone_sound_init(sound, s, c);
    struct ptn_tls_rules *rules = NULL;
    if (ok && phone_trust_is_needed(&opts))
        ok = phone_trust_init(&rules, s, c);
    ptn_tls_rules_free(rules);
    return ok;
}

bool phone_reload_read(struct phone_reload *r, const struct ptn_log *log)
{
    struct phone_settings *read = calloc(1, sizeof *read);
    struct phone_sound sound = {0};
    struct ptn_conf_report report = {.keeps_origins = true};

    bool ok = read && phone_settings_load(read, r->argc, r->argv, &report);
    phone_print_notes(&report, false);
    ok = ok && report.counts[PTN_CONF_WRONG] == 0 &&
         fits(read, &sound, &(struct phone_complaints){log, &report});
    phone_sound_fini(&sound);
    if (!ok) {
        free(read);
        ptn_conf_report_fini(&report);
        ptn_log(log, PTN_LOG_ERROR, "the settings stay as they were");
        return false;
    }
    ptn_log(log, PTN_LOG_INFO, "the settings were read again");
    free(r->next);
    r->next = read;
    ptn_conf_report_fini(&r->report);
    r->report = report;
    if (r->state == PHONE_RELOAD_NONE)
        r->state = PHONE_RELOAD_WAITING;
    return true;
}

static bool is_free(const struct ptn_ua *ua, ptn_time now)
{
    static struct ptn_ua_status status;

    ptn_ua_status(ua, now, &status);
    return status.call_count == 0;
}

bool phone_reload_go_on(struct phone_reload *r, ptn_time now, struct ptn_ua *ua)
{
    if (r->state == PHONE_RELOAD_WAITING && is_free(ua, now)) {
        r->state = PHONE_RELOAD_LEAVING;
        r->leave_by = now + PTN_UA_STOP_MAX + PTN_S(1);
        ptn_ua_stop(ua, now);
    }
    return r->state == PHONE_RELOAD_LEFT ||
           (r->state == PHONE_RELOAD_LEAVING && now >= r->leave_by);
}

void phone_reload_fini(struct phone_reload *r)
{
    free(r->next);
    r->next = NULL;
    ptn_conf_report_fini(&r->report);
}
