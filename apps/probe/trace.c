/*
 * probe/trace.c - messages in words.
 */
#include "trace.h"

#include <stdarg.h>

#include "stun/msg.h"

/* Text that grows until there is no room. */
struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int size = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t used = size < 0 ? 0 : (size_t)size < t->left ? (size_t)size : t->left - 1;
    t->at += used;
    t->left -= used;
}

static void add_plain(struct text *t, struct ptn_bytes value)
{
    for (size_t i = 0; i < value.size && i < 60; i++)
        add(t, "%c", value.data[i] >= ' ' && value.data[i] < 0x7f ? value.data[i] : '?');
}

static void add_value(struct text *t, const struct ptn_stun_msg *m, uint16_t type,
                      enum ptn_stun_form form, struct ptn_bytes value)
{
    char addr_text[PTN_ADDR_TEXT_MAX];
    struct ptn_addr addr;
    uint32_t number;
    unsigned code;
    struct ptn_bytes reason;

    if (type == PTN_STUN_CHANGE_REQUEST && ptn_stun_get_u32(m, type, &number)) {
        add(t, " (%s%s%s)", number & PTN_STUN_CHANGE_IP ? "address" : "",
            (number & 6) == 6   ? ", "
            : (number & 6) == 0 ? "nothing"
                                : "",
            number & PTN_STUN_CHANGE_PORT ? "port" : "");
    } else if (form == PTN_STUN_FORM_ADDR || form == PTN_STUN_FORM_XOR_ADDR) {
        if (ptn_stun_get_addr(m, type, &addr))
            add(t, " %s", ptn_addr_format(&addr, addr_text));
    } else if (form == PTN_STUN_FORM_TEXT) {
        add(t, " \"");
        add_plain(t, value);
        add(t, "\"");
    } else if (form == PTN_STUN_FORM_ERROR && ptn_stun_get_error(m, &code, &reason)) {
        add(t, " %u ", code);
        add_plain(t, reason);
    }
}

static void add_attributes(struct text *t, const struct ptn_stun_msg *m)
{
    struct ptn_reader r = ptn_reader(
        ptn_bytes(m->bytes.data + PTN_STUN_HEADER_BYTES, m->bytes.size - PTN_STUN_HEADER_BYTES));
    const char *before = ": ";

    while (ptn_reader_left(&r) >= 4) {
        uint16_t type = ptn_read_u16(&r), size = ptn_read_u16(&r);
        struct ptn_bytes value = ptn_read(&r, size);
        struct ptn_stun_attr_info info = ptn_stun_attr_info(type);

        ptn_read(&r, -size & 3u);
        if (info.name)
            add(t, "%s%s", before, info.name);
        else
            add(t, "%s0x%04x", before, type);
        add_value(t, m, type, info.form, value);
        before = ", ";
    }
}

void probe_trace_describe(struct ptn_bytes bytes, char *buf, size_t size)
{
    static const char *const classes[] = {"Request", "Indication", "Success Response",
                                          "Error Response"};
    struct ptn_stun_msg m;
    struct text t = {buf, size};
    enum ptn_stun_verdict v = ptn_stun_decode(&m, bytes);

    if (v != PTN_STUN_OK) {
        add(&t, "%s, %zu bytes", ptn_stun_verdict_name(v), bytes.size);
        return;
    }
    if (m.method == PTN_STUN_BINDING)
        add(&t, "Binding %s", classes[m.class]);
    else
        add(&t, "method 0x%03x %s", m.method, classes[m.class]);
    add(&t, ", %s, %zu bytes", m.dialect == PTN_STUN_MODERN ? "modern" : "classic", bytes.size);
    add_attributes(&t, &m);
}

static void print_time(const struct probe_trace *t, ptn_time now)
{
    fprintf(t->file, "%lld.%03lld ", (long long)(ptn_time_ms(now - t->start) / 1000),
            (long long)(ptn_time_ms(now - t->start) % 1000));
}

static void print_message(const struct probe_trace *t, ptn_time now, char direction,
                          const struct ptn_addr *far, struct ptn_bytes bytes)
{
    char addr[PTN_ADDR_TEXT_MAX], text[600];

    probe_trace_describe(bytes, text, sizeof text);
    print_time(t, now);
    fprintf(t->file, "%c %s %s\n", direction, ptn_addr_format(far, addr), text);
}

static void print_record(const struct probe_trace *t, const struct ptn_dns_record *r)
{
    char addr[PTN_ADDR_TEXT_MAX];

    if (r->type == PTN_DNS_SRV)
        fprintf(t->file, " %s:%u", r->target, r->port);
    else if (r->type != PTN_DNS_NAPTR)
        fprintf(t->file, " %s", ptn_addr_format_ip(&r->addr, addr));
}

static void trace_input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct probe_trace *t = self;
    char addr[PTN_ADDR_TEXT_MAX];

    switch (tell->kind) {
    case PTN_TELL_DATAGRAM: print_message(t, now, '<', &tell->from, tell->bytes); break;
    case PTN_TELL_ICMP_ERROR:
        print_time(t, now);
        fprintf(t->file, "< %s cannot be reached: %s\n", ptn_addr_format(&tell->from, addr),
                ptn_err_text(tell->why));
        break;
    case PTN_TELL_RESOLVED:
        print_time(t, now);
        fprintf(t->file, "< name:");
        for (size_t i = 0; i < tell->record_count; i++)
            print_record(t, &tell->records[i]);
        fprintf(t->file, "%s\n", tell->record_count ? "" : " nothing");
        break;
    case PTN_TELL_FAILED:
        print_time(t, now);
        fprintf(t->file, "< failed: %s\n", ptn_err_text(tell->why));
        break;
    case PTN_TELL_OPENED:
        print_time(t, now);
        fprintf(t->file, "= socket %s\n", ptn_addr_format(&tell->local, addr));
        break;
    default: break;
    }
    t->inner.input(t->inner.self, now, tell);
}

static void trace_tick(void *self, ptn_time now)
{
    struct probe_trace *t = self;

    t->inner.tick(t->inner.self, now);
}

static bool trace_output(void *self, ptn_time now, struct ptn_ask *ask)
{
    struct probe_trace *t = self;

    if (!t->inner.output(t->inner.self, now, ask))
        return false;
    if (ask->kind == PTN_ASK_DATAGRAM) {
        print_message(t, now, '>', &ask->to, ask->bytes);
    } else if (ask->kind == PTN_ASK_RESOLVE) {
        print_time(t, now);
        fprintf(t->file, "> name: %s%s%s%s\n", ask->name, ask->types & PTN_DNS_A ? " A" : "",
                ask->types & PTN_DNS_AAAA ? " AAAA" : "", ask->types & PTN_DNS_SRV ? " SRV" : "");
    }
    return true;
}

static ptn_time trace_deadline(const void *self)
{
    const struct probe_trace *t = self;

    return t->inner.deadline(t->inner.self);
}

struct ptn_machine probe_trace_init(struct probe_trace *t, const struct ptn_machine *inner,
                                    FILE *file, ptn_time now)
{
    *t = (struct probe_trace){.inner = *inner, .file = file, .start = now};
    return (struct ptn_machine){t, trace_input, trace_tick, trace_output, trace_deadline};
}
