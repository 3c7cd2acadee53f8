/*
 * tests/support/replay.c - runs a fuzz target over its corpus without a fuzzer.
 *
 *   fuzz_NAME FOLDER      every file as it is, then with some bytes changed or cut off
 *
 * The seed is fixed: this is a regression test; finding new inputs is libFuzzer's work.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MUTATIONS = 300, FILE_MAX = 65536 };

/* A copy of exact size on the heap, so that ASan sees a read past the end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_mutated(const uint8_t *data, size_t size, struct ptn_dice *dice)
{
    static uint8_t changed[FILE_MAX];

    for (unsigned i = 0; i < MUTATIONS && size > 0; i++) {
        size_t kept = ptn_dice_below(dice, 4) ? size : ptn_dice_below(dice, (uint32_t)size + 1);
        memcpy(changed, data, kept);
        for (uint32_t n = ptn_dice_below(dice, 4); n > 0 && kept > 0; n--)
            changed[ptn_dice_below(dice, (uint32_t)kept)] = (uint8_t)ptn_dice_u64(dice);
        run(changed, kept);
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[FILE_MAX];
    struct ptn_dice dice = ptn_dice_seeded(1);
    unsigned count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

    if (!folder) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    run(bytes, 0);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!f)
            continue;
        size_t size = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        run(bytes, size);
        run_mutated(bytes, size, &dice);
        printf("ok %u - %s\n", ++count, entry->d_name);
    }
    closedir(folder);
    if (count == 0)
        printf("not ok 1 - the corpus is empty\n"), count = 1;
    printf("1..%u\n", count);
    return 0;
}
