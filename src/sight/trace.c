/*
 * sight/trace.c - a ring of texts with a ring of entries that point into it.
 *
 *     room:     ....[text 7][text 8].......[text 5][text 6]
 *                                  ^ head
 *
 * A text is in one piece: one that does not fit before the end of the room begins at its start.
 * Entries whose text is overwritten go, oldest first.
 */
#include "sight/trace.h"

#include <assert.h>
#include <stdlib.h>

#include "sight/header.h"
#include "sight/mask.h"
#include "sip/stream.h"

enum {
    BYTES_PER_ENTRY = 256,
    STREAMS_MAX = 64, /* connections followed at once */
    WAYS_MAX = 32,    /* counts that go on */
    NAMES_MAX = 64,   /* calls whose Call-ID is remembered */
    NAME_SIZE = 160,
    REPEATS_LOOKED_AT = 32,
    SCRATCH = 2 * PTN_SIP_MSG_MAX,
};

/* A connection, and its two directions: [1] is ours. */
struct stream {
    ptn_id id;                 /* 0: free */
    struct ptn_trace_entry up; /* told with its first words: STUN's connections are not */
    bool told;
    bool stun;
    bool other[2]; /* it carries something else than SIP */
    struct ptn_sip_stream ways[2];
};

struct name {
    char call_id[NAME_SIZE]; /* empty: free */
    uint32_t hash;
    uint32_t call;
};

struct ptn_trace {
    uint8_t *room;
    size_t room_size, head;
    struct ptn_trace_entry *entries;
    uint32_t *hashes; /* of each entry's Call-ID; 0: it has none. All of them are looked at for each
                       * call, and reading 1,000 messages for that was half the price of a call */
    uint32_t capacity, first, count;
    uint64_t next_number;
    struct stream streams[STREAMS_MAX];
    struct ptn_trace_entry ways[WAYS_MAX]; /* sent_count + received_count is 0: free */
    struct name names[NAMES_MAX];
    unsigned next_name;
    uint8_t scratch[SCRATCH];
};

struct ptn_trace *ptn_trace_new(size_t bytes_max)
{
    struct ptn_trace *t = calloc(1, sizeof *t);

    assert(bytes_max >= PTN_TRACE_BYTES_MIN);
    if (!t)
        return NULL;
    t->room_size = bytes_max;
    t->capacity = (uint32_t)(bytes_max / BYTES_PER_ENTRY);
    t->next_number = 1;
    t->room = malloc(bytes_max);
    t->entries = calloc(t->capacity, sizeof *t->entries);
    t->hashes = calloc(t->capacity, sizeof *t->hashes);
    if (!t->room || !t->entries || !t->hashes) {
        ptn_trace_free(t);
        return NULL;
    }
    return t;
}

static void fini_stream(struct stream *s)
{
    ptn_sip_stream_fini(&s->ways[0]);
    ptn_sip_stream_fini(&s->ways[1]);
    *s = (struct stream){0};
}

void ptn_trace_free(struct ptn_trace *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < STREAMS_MAX; i++)
        fini_stream(&t->streams[i]);
    free(t->hashes);
    free(t->entries);
    free(t->room);
    free(t);
}

/* ---- the ring ---- */

static uint32_t place_of(const struct ptn_trace *t, uint32_t i)
{
    uint32_t place = t->first + i;

    return place < t->capacity ? place : place - t->capacity;
}

static struct ptn_trace_entry *entry_at(const struct ptn_trace *t, uint32_t i)
{
    return &t->entries[place_of(t, i)];
}

static void drop_oldest(struct ptn_trace *t)
{
    t->first = (t->first + 1) % t->capacity;
    t->count--;
}

/* Of the oldest entries with a text, those that reach into [from, to) go. */
static void make_room(struct ptn_trace *t, size_t from, size_t to)
{
    for (uint32_t i = 0; i < t->count;) {
        const struct ptn_trace_entry *e = entry_at(t, i);
        size_t at = e->text.size ? (size_t)(e->text.data - t->room) : 0;
        if (e->text.size > 0 && (at >= to || at + e->text.size <= from))
            return;
        if (e->text.size == 0) { /* holds no room: goes with the next one that does */
            i++;
            continue;
        }
        for (uint32_t gone = 0; gone <= i; gone++)
            drop_oldest(t);
        i = 0;
    }
}

static struct ptn_bytes keep(struct ptn_trace *t, struct ptn_bytes text)
{
    if (text.size == 0)
        return text;
    if (t->head + text.size > t->room_size) {
        make_room(t, t->head, t->room_size);
        t->head = 0;
    }
    make_room(t, t->head, t->head + text.size);
    uint8_t *place = t->room + t->head;
    memcpy(place, text.data, text.size);
    t->head += text.size;
    return ptn_bytes(place, text.size);
}

/* `hash`: of its Call-ID. */
static void append(struct ptn_trace *t, const struct ptn_trace_entry *entry, uint32_t hash)
{
    struct ptn_bytes text = keep(t, entry->text);

    if (t->count == t->capacity)
        drop_oldest(t);
    t->hashes[place_of(t, t->count)] = hash;
    struct ptn_trace_entry *e = entry_at(t, t->count++);
    *e = *entry;
    e->text = text;
    e->number = t->next_number++;
}

bool ptn_trace_next(const struct ptn_trace *t, uint64_t number, struct ptn_trace_entry *out)
{
    uint64_t oldest = t->next_number - t->count;
    uint64_t wanted = number < oldest ? oldest : number + 1;

    if (wanted >= t->next_number)
        return false;
    *out = *entry_at(t, (uint32_t)(wanted - oldest));
    return true;
}

/* ---- calls by number ---- */

static struct ptn_bytes call_id_of(struct ptn_bytes text)
{
    return ptn_header_find(text, "Call-ID", "i");
}

static uint32_t hash_of(struct ptn_bytes call_id)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < call_id.size; i++)
        hash = (hash ^ call_id.data[i]) * 16777619u;
    return call_id.size == 0 ? 0 : hash ? hash : 1;
}

/* The i-th entry or a later one with this Call-ID; t->count: there is none. */
static uint32_t find(const struct ptn_trace *t, uint32_t i, struct ptn_bytes call_id, uint32_t hash)
{
    for (; i < t->count; i++)
        if (t->hashes[place_of(t, i)] == hash &&
            ptn_bytes_equal(call_id_of(entry_at(t, i)->text), call_id))
            break;
    return i;
}

static uint32_t call_of(const struct ptn_trace *t, struct ptn_bytes call_id, uint32_t hash)
{
    for (unsigned i = 0; hash && i < NAMES_MAX; i++)
        if (t->names[i].hash == hash &&
            ptn_bytes_equal(ptn_bytes_of_text(t->names[i].call_id), call_id))
            return t->names[i].call;
    return 0;
}

void ptn_trace_name(struct ptn_trace *t, const char *call_id, uint32_t call)
{
    struct name *name = &t->names[t->next_name];
    struct ptn_bytes id = ptn_bytes_of_text(call_id);
    uint32_t hash = hash_of(id);

    if (id.size == 0 || id.size >= NAME_SIZE || call_of(t, id, hash) == call)
        return;
    memcpy(name->call_id, call_id, id.size + 1);
    name->hash = hash;
    name->call = call;
    t->next_name = (t->next_name + 1) % NAMES_MAX;
    for (uint32_t i = find(t, 0, id, hash); i < t->count; i = find(t, i + 1, id, hash))
        entry_at(t, i)->call = call;
}

/* ---- counts ---- */

static bool same_way(const struct ptn_trace_entry *a, const struct ptn_trace_entry *b)
{
    return a->transport == b->transport && ptn_addr_equal(&a->local, &b->local) &&
           ptn_addr_equal(&a->far, &b->far);
}

static bool goes_on(const struct ptn_trace_entry *way)
{
    return way->sent_count + way->received_count > 0;
}

static void end_count(struct ptn_trace *t, struct ptn_trace_entry *way)
{
    append(t, way, 0);
    *way = (struct ptn_trace_entry){0};
}

static void end_counts_of(struct ptn_trace *t, const struct ptn_trace_entry *e)
{
    for (unsigned i = 0; i < WAYS_MAX; i++)
        if (goes_on(&t->ways[i]) && same_way(&t->ways[i], e))
            end_count(t, &t->ways[i]);
}

/* The count of this way, or else a free one, or else that which began first, which ends. */
static struct ptn_trace_entry *way_of(struct ptn_trace *t, const struct ptn_trace_entry *e)
{
    struct ptn_trace_entry *best = &t->ways[0];

    for (unsigned i = 0; i < WAYS_MAX; i++) {
        struct ptn_trace_entry *way = &t->ways[i];
        if (goes_on(way) && same_way(way, e))
            return way;
        if (goes_on(best) && (!goes_on(way) || way->unix_ns < best->unix_ns))
            best = way;
    }
    if (goes_on(best))
        end_count(t, best);
    *best = *e;
    best->kind = PTN_TRACE_KEEPALIVES;
    best->sent = true;
    best->text = (struct ptn_bytes){0};
    return best;
}

static void count(struct ptn_trace *t, const struct ptn_trace_entry *e)
{
    struct ptn_trace_entry *way = way_of(t, e);

    way->until_ns = e->unix_ns;
    if (e->sent)
        way->sent_count++;
    else
        way->received_count++;
}

bool ptn_trace_counting(const struct ptn_trace *t, unsigned i, struct ptn_trace_entry *out)
{
    for (unsigned w = 0; w < WAYS_MAX; w++)
        if (goes_on(&t->ways[w]) && i-- == 0) {
            *out = t->ways[w];
            return true;
        }
    return false;
}

/* ---- messages ---- */

static bool starts_with(struct ptn_bytes b, const char *word)
{
    size_t size = strlen(word);

    return b.size >= size && memcmp(b.data, word, size) == 0;
}

static bool ends_with(struct ptn_bytes b, const char *word)
{
    size_t size = strlen(word);

    return b.size >= size && memcmp(b.data + b.size - size, word, size) == 0;
}

/* OPTIONS and NOTIFY keep-alive, and their answers; of a NOTIFY that has been counted only, its
 * answer is the first sight of its Call-ID. */
static bool is_keepalive(const struct ptn_trace *t, struct ptn_bytes text, struct ptn_bytes call_id,
                         uint32_t hash)
{
    struct ptn_bytes method = ptn_header_find(text, "CSeq", NULL);

    if (ends_with(method, " OPTIONS"))
        return true;
    if (!ends_with(method, " NOTIFY"))
        return false;
    if (starts_with(text, "NOTIFY "))
        return starts_with(ptn_header_find(text, "Event", "o"), "keep-alive");
    return find(t, 0, call_id, hash) == t->count;
}

static bool is_repeat(const struct ptn_trace *t, const struct ptn_trace_entry *e, uint32_t hash)
{
    for (uint32_t i = t->count; i > 0 && t->count - i < REPEATS_LOOKED_AT; i--) {
        const struct ptn_trace_entry *before = entry_at(t, i - 1);
        if (t->hashes[place_of(t, i - 1)] == hash && before->kind == PTN_TRACE_MESSAGE &&
            before->sent == e->sent && ptn_bytes_equal(before->text, e->text))
            return true;
    }
    return false;
}

static void add_message(struct ptn_trace *t, struct ptn_trace_entry *e, struct ptn_bytes message)
{
    struct ptn_writer w = ptn_writer(t->scratch, sizeof t->scratch);

    ptn_mask(&w, message);
    e->kind = PTN_TRACE_MESSAGE;
    e->text = ptn_bytes(w.start, ptn_writer_size(&w));
    struct ptn_bytes call_id = call_id_of(e->text);
    uint32_t hash = hash_of(call_id);
    if (is_keepalive(t, e->text, call_id, hash)) {
        count(t, e);
        return;
    }
    end_counts_of(t, e);
    e->repeat = is_repeat(t, e, hash);
    e->call = call_of(t, call_id, hash);
    append(t, e, hash);
}

/* Requests begin with their method, responses with "SIP/2.0"; both with a letter. STUN's first
 * byte is below 4, that of RTP and RTCP from 128 to 191 (RFC 7983). */
static bool looks_like_sip(struct ptn_bytes b)
{
    const uint8_t *end = b.size ? memchr(b.data, '\n', b.size) : NULL;
    struct ptn_bytes line = {b.data, end ? (size_t)(end - b.data) : b.size};

    line = ptn_header_trim(line);
    return line.size > 0 && (line.data[0] | 0x20) >= 'a' && (line.data[0] | 0x20) <= 'z' &&
           (starts_with(line, "SIP/2.0 ") || ends_with(line, " SIP/2.0"));
}

static bool begins_stun(struct ptn_bytes b)
{
    return b.size > 0 && b.data[0] < 4;
}

static bool is_empty_line(struct ptn_bytes b)
{
    for (size_t i = 0; i < b.size; i++)
        if (b.data[i] != '\r' && b.data[i] != '\n' && b.data[i] != 0)
            return false;
    return true;
}

static void add_datagram(struct ptn_trace *t, struct ptn_trace_entry *e, struct ptn_bytes bytes)
{
    if (bytes.size > 0 && is_empty_line(bytes))
        count(t, e);
    else if (looks_like_sip(bytes))
        add_message(t, e, bytes);
}

/* ---- connections ---- */

static struct stream *stream_of(struct ptn_trace *t, ptn_id id)
{
    struct stream *free_one = NULL;

    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        struct stream *s = &t->streams[i];
        if (s->id == id)
            return s;
        if (!s->id && !free_one)
            free_one = s;
    }
    if (free_one)
        *free_one = (struct stream){.id = id, .told = true};
    return free_one;
}

static void tell_up(struct ptn_trace *t, struct stream *s)
{
    if (!s->told) {
        end_counts_of(t, &s->up);
        append(t, &s->up, 0);
    }
    s->told = true;
}

static void add_stream(struct ptn_trace *t, const struct ptn_trace_entry *e,
                       const struct ptn_seen *seen)
{
    struct stream *s = stream_of(t, seen->id);
    enum ptn_sip_stream_step step = PTN_SIP_STREAM_BROKEN;
    struct ptn_bytes message;

    if (s && !s->told && begins_stun(seen->bytes))
        s->stun = true;
    if (!s || s->stun || s->other[seen->sent])
        return;
    if (ptn_sip_stream_input(&s->ways[seen->sent], seen->bytes))
        while ((step = ptn_sip_stream_take(&s->ways[seen->sent], &message)) ==
                   PTN_SIP_STREAM_MESSAGE ||
               step == PTN_SIP_STREAM_PING || step == PTN_SIP_STREAM_PONG) {
            struct ptn_trace_entry one = *e;
            if (step == PTN_SIP_STREAM_MESSAGE && !looks_like_sip(message))
                continue;
            tell_up(t, s);
            if (step == PTN_SIP_STREAM_MESSAGE)
                add_message(t, &one, message);
            else
                count(t, &one);
        }
    s->other[seen->sent] = step == PTN_SIP_STREAM_BROKEN;
}

static void add_up(struct ptn_trace *t, struct ptn_trace_entry *e, const struct ptn_seen *seen)
{
    struct stream *s = stream_of(t, seen->id);

    e->kind = PTN_TRACE_UP;
    if (!s) {
        append(t, e, 0);
        return;
    }
    fini_stream(s);
    *s = (struct stream){.id = seen->id, .up = *e};
}

static void add_end(struct ptn_trace *t, struct ptn_trace_entry *e, const struct ptn_seen *seen)
{
    struct stream *s = stream_of(t, seen->id);
    bool is_stun = s && s->stun;

    e->kind = seen->kind == PTN_SEEN_DOWN ? PTN_TRACE_DOWN : PTN_TRACE_FAILED;
    e->why = seen->why;
    if (s && !is_stun && seen->kind == PTN_SEEN_DOWN)
        tell_up(t, s);
    if (s)
        fini_stream(s);
    if (is_stun)
        return;
    end_counts_of(t, e);
    append(t, e, 0);
}

void ptn_trace_add(struct ptn_trace *t, uint64_t unix_ns, const struct ptn_seen *seen)
{
    struct ptn_trace_entry e = {.unix_ns = unix_ns,
                                .until_ns = unix_ns,
                                .sent = seen->sent,
                                .transport = seen->transport,
                                .local = seen->local,
                                .far = seen->far};

    switch (seen->kind) {
    case PTN_SEEN_DATAGRAM: add_datagram(t, &e, seen->bytes); break;
    case PTN_SEEN_STREAM: add_stream(t, &e, seen); break;
    case PTN_SEEN_UP: add_up(t, &e, seen); break;
    case PTN_SEEN_DOWN:
    case PTN_SEEN_FAILED: add_end(t, &e, seen); break;
    }
}
