/*
 * phone/faults.h - what is wrong with a setting, said while it is looked at: `x` is what is being
 * put together, with `complaints` and `ok`.
 */
#ifndef PHONE_FAULTS_H
#define PHONE_FAULTS_H

#include "phone/settings.h"

#define WARN(x, ...) phone_complain((x)->complaints, PTN_LOG_WARN, __VA_ARGS__)

/* The same, and it cannot be begun with. */
#define FAIL(x, ...)                                                                               \
    do {                                                                                           \
        phone_complain((x)->complaints, PTN_LOG_ERROR, __VA_ARGS__);                               \
        (x)->ok = false;                                                                           \
    } while (0)

#endif
