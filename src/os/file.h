/*
 * os/file.h - whole files: settings, states, small sounds.
 */
#ifndef PTN_OS_FILE_H
#define PTN_OS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* All of a file of at most `size_max` bytes; PTN_ERR_NO_ROOM when it is longer. On success the
 * caller frees `out->data` (as uint8_t *); a zero byte stands behind the last, not counted. */
enum ptn_err ptn_file_read(const char *path, size_t size_max, struct ptn_bytes *out);

void ptn_file_free(struct ptn_bytes *bytes);

/* True when users of this computer whom the file does not belong to may read it. */
bool ptn_file_is_everybodys(const char *path);

/* Writes a new file beside `path` and renames it there: a reader, or a power cut, meets either
 * the old or the new content. `mode` as in chmod. */
enum ptn_err ptn_file_write(const char *path, struct ptn_bytes bytes, unsigned mode);

#endif
