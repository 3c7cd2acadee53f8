/*
 * phone/settings.c - from the command line to the files it names, and back to the command line.
 *
 * The command line is read twice: once to learn which files to read, and again
 * after them, because what a person has just typed wins.
 *
 *     --config A --config B      A, then B
 *     --boot F                   what F includes, found beside it
 *     neither                    /etc/postern/INSTANCE.cfg, then /etc/postern/MAC.cfg
 *                                with --mac; what is not there is passed over
 */
#include "phone/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/cfg.h"
#include "os/file.h"

#define PTN_CONF_DEF "phone/settings.def"
#define PTN_CONF_STRUCT struct phone_settings
#define PTN_CONF_TABLE phone_settings_table
#include "conf/as_rows.h"

#define FOLDER "/etc/postern"
enum { FILE_BYTES_MAX = 4 << 20, PATH_SIZE = 1024 };

static bool read_text(const char *path, struct ptn_bytes *text)
{
    enum ptn_err err = ptn_file_read(path, FILE_BYTES_MAX, text);
    if (err != PTN_OK)
        fprintf(stderr, "postern-phone: %s: %s\n", path, ptn_err_text(err));
    return err == PTN_OK;
}

static bool read_config(const char *path, struct phone_settings *s, struct ptn_conf_report *r)
{
    struct ptn_bytes text;
    if (!read_text(path, &text))
        return false;
    ptn_conf_read_cfg(&phone_settings_table, path, text, s, r);
    ptn_file_free(&text);
    return true;
}

static bool read_if_there(const char *path, struct phone_settings *s, struct ptn_conf_report *r)
{
    struct ptn_bytes text;
    if (ptn_file_read(path, FILE_BYTES_MAX, &text) == PTN_ERR_NOT_FOUND)
        return true;
    ptn_file_free(&text);
    return read_config(path, s, r);
}

/* `name` beside the file `beside`, unless it is a whole path itself. */
static void path_beside(const char *beside, const char *name, char path[static PATH_SIZE])
{
    const char *slash = strrchr(beside, '/');
    int folder = slash && name[0] != '/' ? (int)(slash - beside) + 1 : 0;
    snprintf(path, PATH_SIZE, "%.*s%s", folder, beside, name);
}

static bool read_boot(const char *file, const char *model, struct phone_settings *s,
                      struct ptn_conf_report *r)
{
    static struct ptn_conf_boot boot;
    struct ptn_bytes text;
    if (!read_text(file, &text))
        return false;
    bool ok = ptn_conf_read_boot(file, text, model, &boot, r);
    ptn_file_free(&text);
    for (size_t i = 0; ok && i < boot.file_count; i++) {
        char path[PATH_SIZE];
        path_beside(file, boot.files[i], path);
        ok = read_config(path, s, r);
    }
    return ok;
}

/* 12 hexadecimal digits in lower case, as in file names; colons and dashes between them go. */
bool phone_mac_digits(const char *mac, char digits[static 13])
{
    size_t n = 0;
    for (; *mac; mac++) {
        if (*mac == ':' || *mac == '-')
            continue;
        char c = *mac >= 'A' && *mac <= 'F' ? (char)(*mac - 'A' + 'a') : *mac;
        if (n == 12 || !strchr("0123456789abcdef", c))
            return false;
        digits[n++] = c;
    }
    digits[n] = '\0';
    return n == 12;
}

static bool read_usual(struct phone_settings *s, const struct phone_settings *command,
                       struct ptn_conf_report *r)
{
    char path[PATH_SIZE], digits[13];
    snprintf(path, sizeof path, FOLDER "/%s.cfg", command->instance);
    if (!read_if_there(path, s, r))
        return false;
    if (!command->mac[0] || !phone_mac_digits(command->mac, digits))
        return true;
    snprintf(path, sizeof path, FOLDER "/%s.cfg", digits);
    return read_if_there(path, s, r);
}

/* The value of a --config at argv[*i], moving *i to its last word; NULL when it is none. */
static const char *config_at(int argc, char *const *argv, int *i)
{
    static const char *const forms[] = {"--config=", "-c=", "--config", "-c"};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        size_t length = strlen(forms[f]);
        if (f < 2 && strncmp(argv[*i], forms[f], length) == 0)
            return argv[*i] + length;
        if (f >= 2 && strcmp(argv[*i], forms[f]) == 0 && *i + 1 < argc)
            return argv[++*i];
    }
    return NULL;
}

static bool read_files(struct phone_settings *s, const struct phone_settings *command, int argc,
                       char *const *argv, struct ptn_conf_report *r)
{
    if (command->boot[0])
        return read_boot(command->boot, command->model, s, r);
    if (!command->config[0])
        return read_usual(s, command, r);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *path = config_at(argc, argv, &i);
        if (path && !read_config(path, s, r))
            return false;
    }
    return true;
}

static bool command_is_right(const struct phone_settings *command, const char *const *words,
                             size_t word_count, const struct ptn_conf_report *r)
{
    char digits[13];
    if (word_count > 0)
        fprintf(stderr, "postern-phone: \"%s\" is no flag; see --help\n", words[0]);
    else if (command->mac[0] && !phone_mac_digits(command->mac, digits))
        fprintf(stderr, "postern-phone: mac: \"%s\" is not 12 hexadecimal digits\n", command->mac);
    else if (strchr(command->instance, '/'))
        fprintf(stderr, "postern-phone: instance: \"%s\" has a slash in it\n", command->instance);
    else
        return r->counts[PTN_CONF_WRONG] == 0 && r->counts[PTN_CONF_UNKNOWN] == 0;
    return false;
}

void phone_complain(const struct phone_complaints *c, enum ptn_log_level level, const char *key,
                    const char *format, ...)
{
    char where[PTN_CONF_WHY_SIZE], text[500];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ptn_log(c->log, level, "%s%s", ptn_conf_origin(c->report, &phone_settings_table, key, where),
            text);
}

bool phone_settings_load(struct phone_settings *s, int argc, char *const *argv,
                         struct ptn_conf_report *r)
{
    struct phone_settings *command = calloc(1, sizeof *command);
    const struct ptn_conf_table *t = &phone_settings_table;
    const char **words = calloc((size_t)argc, sizeof *words);
    size_t word_count;
    if (!words || !command) {
        fprintf(stderr, "postern-phone: %s\n", ptn_err_text(PTN_ERR_NO_MEMORY));
        free(words);
        free(command);
        return false;
    }

    ptn_conf_defaults(t, command);
    ptn_conf_read_flags(t, argc, argv, command, words, &word_count, r);
    bool ok = command_is_right(command, words, word_count, r);
    ptn_conf_defaults(t, s);
    bool needs_files =
        !command->help && !command->version && !command->print_sample && !command->print_manual;
    if (ok && needs_files)
        ok = read_files(s, command, argc, argv, r);
    /* Nothing is wrong with them, or they were refused above. */
    if (ok)
        ptn_conf_read_flags(t, argc, argv, s, words, &word_count, r);
    free(words);
    free(command);
    return ok;
}
