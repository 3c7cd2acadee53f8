/*
 * phone/sound.c - what is played to calls, and where their sound is written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/pcm.h"
#include "phone/phone.h"

enum { PLAY_MINUTES_MAX = 60 };

static const char without_library[] =
    "sound files need libsndfile (libsndfile1), which is not here";

/* "440" or "440@-20". */
static bool tone_of(const char *text, struct ptn_source *source)
{
    char *end;
    double level = -10;
    double hz = strtod(text, &end);
    if (end == text || hz < 20 || hz > 3900)
        return false;
    if (*end == '@') {
        const char *number = end + 1;
        level = strtod(number, &end);
        if (end == number || level < PTN_TONE_SILENCE || level > 0)
            return false;
    }
    if (*end != '\0')
        return false;
    *source = ptn_source_tone(hz, level);
    return true;
}

static bool load(struct phone_sound *sound, const char *path, bool loop,
                 const struct phone_complaints *c)
{
    size_t max = (size_t)PLAY_MINUTES_MAX * 60 * PTN_PCM_RATE;
    enum ptn_err err = ptn_sound_read(path, max, &sound->played);
    if (err != PTN_OK) {
        phone_complain(c, PTN_LOG_ERROR, "postern.sound.play", "postern.sound.play: %s: %s", path,
                       err == PTN_ERR_INVALID       ? "this is no sound file"
                       : err == PTN_ERR_NO_ROOM     ? "this is longer than an hour"
                       : err == PTN_ERR_UNSUPPORTED ? without_library
                                                    : ptn_err_text(err));
        return false;
    }
    if (sound->played.rate != PTN_PCM_RATE) {
        phone_complain(c, PTN_LOG_ERROR, "postern.sound.play",
                       "postern.sound.play: %s: has %u samples a second, but %d are needed", path,
                       sound->played.rate, PTN_PCM_RATE);
        ptn_sound_free(&sound->played);
        return false;
    }
    sound->source = ptn_source_samples(sound->played.samples, sound->played.count, loop);
    return true;
}

bool phone_sound_init(struct phone_sound *sound, const struct phone_settings *s,
                      const struct phone_complaints *c)
{
    const char *play = s->sound_play;
    *sound = (struct phone_sound){.source = ptn_source_silence(), .record = s->sound_record};
    if (strcmp(play, "silence") == 0)
        return true;
    if (strncmp(play, "file:", 5) == 0)
        return load(sound, play + 5, false, c);
    if (strncmp(play, "loop:", 5) == 0)
        return load(sound, play + 5, true, c);
    if (strncmp(play, "tone:", 5) == 0 && tone_of(play + 5, &sound->source))
        return true;
    phone_complain(
        c, PTN_LOG_ERROR, "postern.sound.play",
        "postern.sound.play: \"%s\" is not silence, tone:HZ, tone:HZ@DB, file:PATH or loop:PATH",
        play);
    return false;
}

void phone_sound_fini(struct phone_sound *sound)
{
    for (size_t i = 0; i < PTN_UA_CALLS_MAX; i++)
        ptn_recording_free(sound->tapes[i].recording);
    ptn_sound_free(&sound->played);
}

static struct phone_tape *tape_of(struct phone_sound *sound, ptn_ua_call_id call)
{
    for (size_t i = 0; i < PTN_UA_CALLS_MAX; i++)
        if (sound->tapes[i].call == call)
            return &sound->tapes[i];
    return NULL;
}

/* `pattern` with the call's number for each {call}; false when it gets too long. */
static bool path_of(const char *pattern, ptn_ua_call_id call, char *path, size_t size)
{
    static const char mark[] = "{call}";
    size_t used = 0;
    while (*pattern && used < size) {
        bool is_mark = strncmp(pattern, mark, sizeof mark - 1) == 0;
        int more = is_mark ? snprintf(path + used, size - used, "%u", (unsigned)call)
                           : snprintf(path + used, size - used, "%c", *pattern);
        used += (size_t)more;
        pattern += is_mark ? sizeof mark - 1 : 1;
    }
    return used < size;
}

static void begin_tape(struct phone_tape *tape, const char *pattern, ptn_ua_call_id call,
                       const struct ptn_log *log)
{
    char path[PTN_CONF_TEXT_SIZE * 2] = "";
    tape->call = call;
    enum ptn_err err = path_of(pattern, call, path, sizeof path)
                           ? ptn_recording_new(path, PTN_PCM_RATE, &tape->recording)
                           : PTN_ERR_NO_ROOM;
    if (err != PTN_OK)
        ptn_log(log, PTN_LOG_ERROR, "postern.sound.record: %s: %s", path,
                err == PTN_ERR_UNSUPPORTED ? without_library : ptn_err_text(err));
}

void phone_sound_hear(struct phone_sound *sound, ptn_ua_call_id call, const int16_t *frame,
                      const struct ptn_log *log)
{
    if (!sound->record[0])
        return;
    struct phone_tape *tape = tape_of(sound, call);
    if (!tape && (tape = tape_of(sound, 0)))
        begin_tape(tape, sound->record, call, log);
    if (!tape || !tape->recording)
        return;
    enum ptn_err err = ptn_recording_write(tape->recording, frame, PTN_FRAME_SAMPLES);
    if (err != PTN_OK) {
        ptn_log(log, PTN_LOG_ERROR, "postern.sound.record: call %u: %s; it ends here", call,
                ptn_err_text(err));
        ptn_recording_free(tape->recording);
        tape->recording = NULL;
    }
}

void phone_sound_end(struct phone_sound *sound, ptn_ua_call_id call)
{
    struct phone_tape *tape = tape_of(sound, call);
    if (!tape)
        return;
    ptn_recording_free(tape->recording);
    *tape = (struct phone_tape){0};
}
