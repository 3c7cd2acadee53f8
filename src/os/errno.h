/*
 * os/errno.h - the kernel's numbers in our words.
 */
#ifndef PTN_OS_ERRNO_H
#define PTN_OS_ERRNO_H

#include "base/err.h"

/* `number` as in errno; 0 is PTN_OK, a number without a word of ours PTN_ERR_IO. */
enum ptn_err ptn_err_of_errno(int number);

#endif
