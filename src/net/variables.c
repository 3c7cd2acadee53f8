/*
 * net/variables.c - a pass over the lines, a pass over the braces of each.
 */
#include "net/variables.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct known {
    struct ptn_bytes name, value;
};

struct expansion {
    const char *file;
    unsigned line;
    const struct ptn_variable *sets;
    unsigned set_count;
    struct known known[PTN_VARIABLES_MAX];
    unsigned known_count;
    char *out;
    size_t size, room;
    char *error;
    enum ptn_err err;
};

static void put(struct expansion *x, struct ptn_bytes b)
{
    if (x->err)
        return;
    if (x->size + b.size + 1 > x->room) {
        size_t room = 2 * (x->size + b.size + 1);
        char *grown = realloc(x->out, room);
        if (!grown) {
            x->err = PTN_ERR_NO_MEMORY;
            return;
        }
        x->out = grown;
        x->room = room;
    }
    if (b.size > 0)
        memcpy(x->out + x->size, b.data, b.size);
    x->size += b.size;
    x->out[x->size] = '\0';
}

static void fail(struct expansion *x, const char *what, struct ptn_bytes word)
{
    if (x->err)
        return;
    x->err = PTN_ERR_INVALID;
    snprintf(x->error, PTN_SCENARIO_ERROR_MAX, "%.100s:%u: set: \"%.*s\" %s", x->file, x->line,
             (int)(word.size < 60 ? word.size : 60), (const char *)word.data, what);
}

static const struct known *find(const struct expansion *x, struct ptn_bytes name)
{
    for (unsigned i = 0; i < x->known_count; i++)
        if (ptn_bytes_equal(x->known[i].name, name))
            return &x->known[i];
    return NULL;
}

static bool is_name_byte(uint8_t c)
{
    return isalnum(c) || c == '_' || c == '-';
}

static size_t name_size(struct ptn_bytes b)
{
    size_t size = 0;

    while (size < b.size && is_name_byte(b.data[size]))
        size++;
    return size;
}

static struct ptn_bytes rest_from(struct ptn_bytes b, size_t at)
{
    return at < b.size ? ptn_bytes(b.data + at, b.size - at) : ptn_bytes(NULL, 0);
}

/* Without the blanks around it and without a comment behind. */
static struct ptn_bytes trimmed(struct ptn_bytes b)
{
    for (size_t i = 0; i + 1 < b.size; i++)
        if (isspace(b.data[i]) && b.data[i + 1] == '#')
            b.size = i;
    while (b.size > 0 && isspace(b.data[0]))
        b = rest_from(b, 1);
    while (b.size > 0 && isspace(b.data[b.size - 1]))
        b.size--;
    return b;
}

/* What stands behind "set ". */
static void learn(struct expansion *x, struct ptn_bytes rest)
{
    rest = trimmed(rest);
    struct known k = {.name = ptn_bytes(rest.data, name_size(rest))};
    k.value = trimmed(rest_from(rest, k.name.size));

    if (k.name.size == 0 || (k.name.size < rest.size && !isspace(rest.data[k.name.size])))
        fail(x, "is not a name", rest);
    else if (find(x, k.name))
        fail(x, "is set twice", k.name);
    else if (x->known_count == PTN_VARIABLES_MAX)
        fail(x, "is one name too many", k.name);
    if (x->err)
        return;
    for (unsigned i = 0; i < x->set_count; i++)
        if (ptn_bytes_equal(ptn_bytes_of_text(x->sets[i].name), k.name))
            k.value = ptn_bytes_of_text(x->sets[i].value);
    x->known[x->known_count++] = k;
}

static void expand_line(struct expansion *x, struct ptn_bytes line)
{
    while (line.size > 0) {
        size_t size = line.data[0] == '{' ? name_size(rest_from(line, 1)) : 0;
        const struct known *k = NULL;
        if (size > 0 && size + 1 < line.size && line.data[size + 1] == '}')
            k = find(x, ptn_bytes(line.data + 1, size));
        put(x, k ? k->value : ptn_bytes(line.data, 1));
        line = rest_from(line, k ? size + 2 : 1);
    }
}

/* The result is a string: what stands behind a zero byte would be lost without a word. */
static void check_zeros(struct expansion *x, struct ptn_bytes text)
{
    const uint8_t *zero = text.size ? memchr(text.data, '\0', text.size) : NULL;
    unsigned line = 1;

    if (!zero)
        return;
    for (const uint8_t *at = text.data; at < zero; at++)
        line += *at == '\n';
    x->err = PTN_ERR_INVALID;
    snprintf(x->error, PTN_SCENARIO_ERROR_MAX, "%.100s:%u: text: holds a zero byte", x->file, line);
}

static void read_line(struct expansion *x, struct ptn_bytes line)
{
    bool sets = line.size > 3 && memcmp(line.data, "set", 3) == 0 && isspace(line.data[3]);

    x->line++;
    if (sets)
        learn(x, rest_from(line, 4));
    else
        expand_line(x, line);
}

static void check_sets(struct expansion *x)
{
    for (unsigned i = 0; i < x->set_count && !x->err; i++) {
        if (find(x, ptn_bytes_of_text(x->sets[i].name)))
            continue;
        x->err = PTN_ERR_INVALID;
        snprintf(x->error, PTN_SCENARIO_ERROR_MAX, "%.100s: has no \"set %.60s\" to be changed",
                 x->file, x->sets[i].name);
    }
}

enum ptn_err ptn_variables_expand(char **out, const char *file, struct ptn_bytes text,
                                  const struct ptn_variable *sets, unsigned set_count,
                                  char error[static PTN_SCENARIO_ERROR_MAX])
{
    struct expansion x = {.file = file, .sets = sets, .set_count = set_count, .error = error};

    *out = NULL;
    error[0] = '\0';
    put(&x, ptn_bytes(NULL, 0));
    check_zeros(&x, text);
    while (text.size > 0 && !x.err) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        read_line(&x, ptn_bytes(text.data, size));
        if (end)
            put(&x, ptn_bytes("\n", 1));
        text = rest_from(text, size + 1);
    }
    check_sets(&x);
    if (x.err)
        free(x.out);
    else
        *out = x.out;
    return x.err;
}
