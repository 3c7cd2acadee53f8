/*
 * net/words.h - a scenario's text as statements of words. Private to the room.
 *
 * A statement is a line and the indented ones that follow it. The first thing
 * that is wrong is kept; after it all reading answers with nothing, so callers
 * need not look at each step.
 */
#ifndef PTN_NET_WORDS_H
#define PTN_NET_WORDS_H

#include <stddef.h>

#include "net/scenario.h"

enum { PTN_WORDS_MAX = 256 };

struct ptn_scenario_block {
    struct ptn_scenario_block *next;
    max_align_t bytes[];
};

struct ptn_words {
    struct ptn_scenario *s;
    char *rest; /* text not yet split; words are cut out of it in place */
    unsigned rest_line;
    const char *words[PTN_WORDS_MAX];
    unsigned lines[PTN_WORDS_MAX];
    unsigned count, at;
    char *error; /* PTN_SCENARIO_ERROR_MAX; "" while all is well */
    enum ptn_err err;
};

/* The next statement; false at the end of the text or of its good part. */
bool ptn_words_statement(struct ptn_words *w);

/* "FILE:LINE: KEYWORD: …", about the word read last. */
__attribute__((format(printf, 2, 3))) void ptn_words_fail(struct ptn_words *w, const char *format,
                                                          ...);
/* "… "WORD" is not WHAT", or that the statement ends where WHAT is expected. */
void ptn_words_fail_not(struct ptn_words *w, const char *word, const char *what);
void ptn_words_fail_memory(struct ptn_words *w);
bool ptn_words_good(const struct ptn_words *w);

bool ptn_words_left(const struct ptn_words *w);
const char *ptn_words_peek(const struct ptn_words *w); /* "" when there is none */
/* The next word, which must be there; "" when it is not. */
const char *ptn_words_next(struct ptn_words *w, const char *what);
/* Takes the next word if it is this one. */
bool ptn_words_take(struct ptn_words *w, const char *word);

ptn_time ptn_words_time(struct ptn_words *w); /* 250us 20ms 1.5s 2min 2h */
double ptn_words_share(struct ptn_words *w);  /* 3% */
uint64_t ptn_words_rate(struct ptn_words *w); /* 512kbit 10Mbit */
unsigned ptn_words_number(struct ptn_words *w, unsigned min, unsigned max);
/* Without a port. */
struct ptn_addr ptn_words_addr(struct ptn_words *w);
/* One of `names`; its index. */
unsigned ptn_words_choice(struct ptn_words *w, const char *const *names, unsigned count);

/* Memory that lives as long as the scenario; NULL after failing. */
void *ptn_words_keep(struct ptn_words *w, size_t size);
/* `table` with room for one more row, zeroed. NULL after failing. */
void *ptn_words_grow(struct ptn_words *w, void *table, unsigned count, size_t row_size);

#endif
