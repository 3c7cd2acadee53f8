/*
 * os/file.c - reading and replacing whole files.
 */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/errno.h"

/* Until the end of the file or until `size` bytes are there. */
static enum ptn_err read_all(int fd, uint8_t *buf, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = read(fd, buf + *got, size - *got);
        if (n < 0 && errno != EINTR)
            return ptn_err_of_errno(errno);
        if (n == 0)
            break;
        if (n > 0)
            *got += (size_t)n;
    }
    return PTN_OK;
}

/* Files of /proc and pipes tell no size: grown as it comes. */
static enum ptn_err read_growing(int fd, size_t size_max, struct ptn_bytes *out)
{
    uint8_t *buf = NULL;
    size_t size = 0, room = 4096, got = 0;
    enum ptn_err err;

    do {
        room = 2 * room > size_max ? size_max + 1 : 2 * room;
        uint8_t *grown = realloc(buf, room + 1);
        if (!grown) {
            free(buf);
            return PTN_ERR_NO_MEMORY;
        }
        buf = grown;
        err = read_all(fd, buf + size, room - size, &got);
        size += got;
    } while (err == PTN_OK && size == room && size <= size_max);
    if (err == PTN_OK && size > size_max)
        err = PTN_ERR_NO_ROOM;
    if (err != PTN_OK) {
        free(buf);
        return err;
    }
    buf[size] = '\0';
    *out = ptn_bytes(buf, size);
    return PTN_OK;
}

enum ptn_err ptn_file_read(const char *path, size_t size_max, struct ptn_bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = (struct ptn_bytes){0};
    if (fd < 0)
        return ptn_err_of_errno(errno);
    enum ptn_err err = read_growing(fd, size_max, out);
    close(fd);
    return err;
}

void ptn_file_free(struct ptn_bytes *bytes)
{
    union {
        const uint8_t *borrowed;
        uint8_t *owned;
    } data = {bytes->data};

    free(data.owned);
    *bytes = (struct ptn_bytes){0};
}

bool ptn_file_is_everybodys(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH);
}

static enum ptn_err write_all(int fd, struct ptn_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno != EINTR)
            return ptn_err_of_errno(errno);
        if (n > 0)
            bytes = ptn_bytes(bytes.data + n, bytes.size - (size_t)n);
    }
    return fsync(fd) == 0 ? PTN_OK : ptn_err_of_errno(errno);
}

enum ptn_err ptn_file_write(const char *path, struct ptn_bytes bytes, unsigned mode)
{
    char new_path[4096];

    if ((size_t)snprintf(new_path, sizeof new_path, "%s.XXXXXX", path) >= sizeof new_path)
        return PTN_ERR_NO_ROOM;
    int fd = mkostemp(new_path, O_CLOEXEC);
    if (fd < 0)
        return ptn_err_of_errno(errno);
    enum ptn_err err = write_all(fd, bytes);
    if (err == PTN_OK && fchmod(fd, mode) != 0)
        err = ptn_err_of_errno(errno);
    close(fd);
    if (err == PTN_OK && rename(new_path, path) != 0)
        err = ptn_err_of_errno(errno);
    if (err != PTN_OK)
        unlink(new_path);
    return err;
}
