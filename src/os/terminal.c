/*
 * os/terminal.c - the terminal's size, and the environment's locale and zone.
 */
#include "os/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

unsigned ptn_terminal_width(int fd, unsigned usual)
{
    struct winsize size;

    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return usual;
    return size.ws_col;
}

bool ptn_terminal_is_utf8(void)
{
    locale_t user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

    if (user == (locale_t)0)
        return false;
    bool utf8 = strcmp(nl_langinfo_l(CODESET, user), "UTF-8") == 0;
    freelocale(user);
    return utf8;
}

int ptn_terminal_utc_offset_s(uint64_t unix_ns)
{
    time_t when = (time_t)(unix_ns / 1000000000u);
    struct tm local;

    return localtime_r(&when, &local) ? (int)local.tm_gmtoff : 0;
}
