/*
 * net/dns.c - DNS messages; names are written plain but for the one in question.
 */
#include "net/dns.h"

#include <ctype.h>

enum {
    CLASS_IN = 1,
    TYPE_OPT = 41,
    FLAG_ANSWER = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_TRUNCATED = 0x0200,
    FLAG_RECURSION_DESIRED = 0x0100,
    FLAG_RECURSION_AVAILABLE = 0x0080,
    OPCODE = 0x7800,
    HEADER_SIZE = 12,
    JUMPS_MAX = 32,
};

static const struct {
    enum ptn_dns_type type;
    uint16_t number;
} types[] = {{PTN_DNS_A, 1}, {PTN_DNS_AAAA, 28}, {PTN_DNS_SRV, 33}, {PTN_DNS_NAPTR, 35}};

uint16_t ptn_net_dns_number(enum ptn_dns_type type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return types[i].number;
    return 0;
}

/* A name at the reader, as lower-case text without a final dot. RFC 1035 §4.1.4: a pointer goes
 * back only, so that a message cannot lead in circles for long. */
static void read_name(struct ptn_reader *r, struct ptn_bytes message,
                      char out[static PTN_NET_DNS_NAME_MAX])
{
    struct ptn_reader at = *r;
    bool jumped = false;
    size_t size = 0;

    out[0] = '\0';
    for (unsigned jumps = 0; jumps <= JUMPS_MAX;) {
        uint8_t n = ptn_read_u8(&at);
        if (at.bad)
            break;
        if (n >= 0xc0) {
            size_t to = (size_t)(n & 0x3f) << 8 | ptn_read_u8(&at);
            if (at.bad || to >= message.size)
                break;
            if (!jumped)
                *r = at;
            jumped = true;
            jumps++;
            at = ptn_reader(ptn_bytes(message.data + to, message.size - to));
            continue;
        }
        if (n == 0) {
            out[size] = '\0';
            if (!jumped)
                *r = at;
            return;
        }
        struct ptn_bytes label = ptn_read(&at, n);
        if (at.bad || n > 63 || size + n + 2 > PTN_NET_DNS_NAME_MAX)
            break;
        if (size > 0)
            out[size++] = '.';
        for (size_t i = 0; i < label.size; i++)
            out[size++] = (char)(label.data[i] ? tolower(label.data[i]) : '?');
    }
    out[0] = '\0';
    r->bad = true;
}

static void write_name(struct ptn_writer *w, const char *name)
{
    while (*name && strcmp(name, ".") != 0) {
        size_t size = strcspn(name, ".");
        if (size == 0 || size > 63) {
            w->bad = true;
            return;
        }
        ptn_write_u8(w, (uint8_t)size);
        ptn_write(w, ptn_bytes(name, size));
        name += size + (name[size] == '.');
    }
    ptn_write_u8(w, 0);
}

static void write_text(struct ptn_writer *w, const char *text)
{
    size_t size = strlen(text);

    ptn_write_u8(w, (uint8_t)size);
    ptn_write(w, ptn_bytes(text, size < 255 ? size : 255));
}

struct header {
    uint16_t id, flags, questions, answers, authorities, additionals;
};

static struct header read_header(struct ptn_reader *r)
{
    struct header h;

    h.id = ptn_read_u16(r);
    h.flags = ptn_read_u16(r);
    h.questions = ptn_read_u16(r);
    h.answers = ptn_read_u16(r);
    h.authorities = ptn_read_u16(r);
    h.additionals = ptn_read_u16(r);
    return h;
}

static void write_header(struct ptn_writer *w, const struct header *h)
{
    ptn_write_u16(w, h->id);
    ptn_write_u16(w, h->flags);
    ptn_write_u16(w, h->questions);
    ptn_write_u16(w, h->answers);
    ptn_write_u16(w, h->authorities);
    ptn_write_u16(w, h->additionals);
}

/* RFC 6891 §6.1.2: the class field of the OPT record. */
static size_t read_size_max(struct ptn_reader *r, struct ptn_bytes message, const struct header *h)
{
    char name[PTN_NET_DNS_NAME_MAX];
    size_t size_max = 512;

    for (unsigned i = 0; i < (unsigned)h->answers + h->authorities + h->additionals && !r->bad;
         i++) {
        read_name(r, message, name);
        uint16_t type = ptn_read_u16(r), class = ptn_read_u16(r);
        ptn_read_u32(r);
        ptn_read(r, ptn_read_u16(r));
        if (!r->bad && type == TYPE_OPT && class > size_max)
            size_max = class < PTN_NET_DNS_SIZE_MAX ? class : PTN_NET_DNS_SIZE_MAX;
    }
    return size_max;
}

bool ptn_net_dns_read_query(struct ptn_bytes message, struct ptn_net_dns_query *out)
{
    struct ptn_reader r = ptn_reader(message);
    struct header h = read_header(&r);

    if (r.bad || (h.flags & (FLAG_ANSWER | OPCODE)) || h.questions != 1)
        return false;
    *out = (struct ptn_net_dns_query){
        .id = h.id,
        .recursion_desired = h.flags & FLAG_RECURSION_DESIRED,
    };
    read_name(&r, message, out->name);
    out->type = ptn_read_u16(&r);
    if (ptn_read_u16(&r) != CLASS_IN || r.bad)
        return false;
    out->size_max = read_size_max(&r, message, &h);
    return !r.bad;
}

static void write_question(struct ptn_writer *w, const char *name, uint16_t type)
{
    write_name(w, name);
    ptn_write_u16(w, type);
    ptn_write_u16(w, CLASS_IN);
}

static void write_record(struct ptn_writer *w, const struct ptn_dns_record *record)
{
    ptn_write_u16(w, 0xc000 | HEADER_SIZE); /* the name of the question */
    ptn_write_u16(w, ptn_net_dns_number(record->type));
    ptn_write_u16(w, CLASS_IN);
    ptn_write_u32(w, record->ttl_s);
    uint8_t *size = ptn_write_room(w, 2);
    size_t before = ptn_writer_size(w);

    switch (record->type) {
    case PTN_DNS_A:
    case PTN_DNS_AAAA:
        ptn_write(w, ptn_bytes(record->addr.ip, ptn_addr_ip_bytes(&record->addr)));
        break;
    case PTN_DNS_SRV:
        ptn_write_u16(w, record->priority);
        ptn_write_u16(w, record->weight);
        ptn_write_u16(w, record->port);
        write_name(w, record->target);
        break;
    case PTN_DNS_NAPTR:
        ptn_write_u16(w, record->priority);
        ptn_write_u16(w, record->weight);
        write_text(w, record->flags);
        write_text(w, record->service);
        write_text(w, ""); /* no regular expression: the replacement is used */
        write_name(w, record->target);
        break;
    }
    if (!w->bad) {
        size[0] = (uint8_t)((ptn_writer_size(w) - before) >> 8);
        size[1] = (uint8_t)(ptn_writer_size(w) - before);
    }
}

void ptn_net_dns_write_answer(struct ptn_writer *w, const struct ptn_net_dns_query *query,
                              enum ptn_net_dns_code code,
                              const struct ptn_dns_record *const *records, size_t count)
{
    size_t room = ptn_writer_left(w) < query->size_max ? ptn_writer_left(w) : query->size_max;
    struct ptn_writer fitting = ptn_writer(w->at, room);
    struct header h = {
        .id = query->id,
        .flags = (uint16_t)(FLAG_ANSWER | FLAG_AUTHORITATIVE | FLAG_RECURSION_AVAILABLE |
                            (query->recursion_desired ? FLAG_RECURSION_DESIRED : 0) | code),
        .questions = 1,
    };

    ptn_write_zeros(&fitting, HEADER_SIZE);
    write_question(&fitting, query->name, query->type);
    for (size_t i = 0; i < count && !fitting.bad; i++) {
        struct ptn_writer with = fitting;
        write_record(&with, records[i]);
        if (with.bad) {
            h.flags |= FLAG_TRUNCATED;
            break;
        }
        fitting = with;
        h.answers++;
    }
    if (fitting.bad) {
        w->bad = true;
        return;
    }
    struct ptn_writer start = ptn_writer(w->at, HEADER_SIZE);
    write_header(&start, &h);
    w->at = fitting.at;
}

void ptn_net_dns_write_query(struct ptn_writer *w, uint16_t id, const char *name,
                             enum ptn_dns_type type)
{
    struct header h = {.id = id, .flags = FLAG_RECURSION_DESIRED, .questions = 1, .additionals = 1};

    write_header(w, &h);
    write_question(w, name, ptn_net_dns_number(type));
    ptn_write_u8(w, 0);
    ptn_write_u16(w, TYPE_OPT);
    ptn_write_u16(w, PTN_NET_DNS_SIZE_MAX);
    ptn_write_u32(w, 0);
    ptn_write_u16(w, 0);
}

/* Copies a text into the answer's own; "" when there is no more room, which turns `r` bad. */
static const char *kept(struct ptn_net_dns_answer *out, size_t *used, const char *text, size_t size,
                        struct ptn_reader *r)
{
    char *at = out->text + *used;

    if (size + 1 > sizeof out->text - *used) {
        r->bad = true;
        return "";
    }
    if (size > 0) /* a text that ended early has no bytes to point at */
        memcpy(at, text, size);
    at[size] = '\0';
    *used += size + 1;
    return at;
}

static const char *kept_name(struct ptn_net_dns_answer *out, size_t *used, struct ptn_reader *r,
                             struct ptn_bytes message)
{
    char name[PTN_NET_DNS_NAME_MAX];

    read_name(r, message, name);
    return kept(out, used, name, strlen(name), r);
}

static const char *kept_text(struct ptn_net_dns_answer *out, size_t *used, struct ptn_reader *r)
{
    struct ptn_bytes text = ptn_read(r, ptn_read_u8(r));

    return kept(out, used, (const char *)text.data, r->bad ? 0 : text.size, r);
}

/* The data of one record; a type that is not ours leaves `record` without one. */
static void read_data(struct ptn_reader *r, struct ptn_bytes message, uint16_t number,
                      struct ptn_net_dns_answer *out, size_t *used, struct ptn_dns_record *record)
{
    switch (number) {
    case 1:
        record->type = PTN_DNS_A;
        record->addr.family = PTN_IPV4;
        break;
    case 28:
        record->type = PTN_DNS_AAAA;
        record->addr.family = PTN_IPV6;
        break;
    case 33:
        record->type = PTN_DNS_SRV;
        record->priority = ptn_read_u16(r);
        record->weight = ptn_read_u16(r);
        record->port = ptn_read_u16(r);
        record->target = kept_name(out, used, r, message);
        return;
    case 35:
        record->type = PTN_DNS_NAPTR;
        record->priority = ptn_read_u16(r);
        record->weight = ptn_read_u16(r);
        record->flags = kept_text(out, used, r);
        record->service = kept_text(out, used, r);
        kept_text(out, used, r);
        record->target = kept_name(out, used, r, message);
        return;
    default: return;
    }
    struct ptn_bytes ip = ptn_read(r, ptn_addr_ip_bytes(&record->addr));
    if (!r->bad)
        memcpy(record->addr.ip, ip.data, ip.size);
}

bool ptn_net_dns_read_answer(struct ptn_bytes message, struct ptn_net_dns_answer *out)
{
    struct ptn_reader r = ptn_reader(message);
    struct header h = read_header(&r);
    char name[PTN_NET_DNS_NAME_MAX];
    size_t used = 0;

    if (r.bad || !(h.flags & FLAG_ANSWER) || h.questions != 1)
        return false;
    out->id = h.id;
    out->code = (enum ptn_net_dns_code)(h.flags & 15);
    out->truncated = h.flags & FLAG_TRUNCATED;
    out->record_count = 0;
    read_name(&r, message, name);
    ptn_read_u32(&r);
    for (unsigned i = 0; i < h.answers && !r.bad; i++) {
        struct ptn_dns_record record = {0};

        read_name(&r, message, name);
        uint16_t number = ptn_read_u16(&r);
        ptn_read_u16(&r);
        record.ttl_s = ptn_read_u32(&r);
        size_t size = ptn_read_u16(&r);
        struct ptn_reader data = r;
        ptn_read(&r, size);
        if (r.bad)
            break;
        data.end = r.at;
        read_data(&data, message, number, out, &used, &record);
        if (data.bad)
            return false;
        if (record.type && out->record_count < sizeof out->records / sizeof out->records[0])
            out->records[out->record_count++] = record;
    }
    return !r.bad;
}
