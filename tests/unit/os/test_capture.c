#include "os/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

static const char *const NAMES[] = {"one", "two"};
static char folder[64], path[128];

static struct ptn_capture_opts opts(void)
{
    strcpy(folder, "/tmp/postern-capture-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.pcapng", folder);
    return (struct ptn_capture_opts){
        .path = path, .program = "test", .names = NAMES, .count = 2, .keeps_others = true};
}

static void tidy(void)
{
    unlink(path);
    CHECK_EQ(0, rmdir(folder));
}

static long size_of(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 ? (long)st.st_size : -1;
}

TEST(a_file_that_is_there_is_kept_or_emptied_as_asked)
{
    struct ptn_capture_opts o = opts();
    struct ptn_capture *c;
    struct stat st;
    CHECK_EQ(PTN_OK, ptn_capture_new(&o, &c));
    ptn_capture_packet(c, 0, 1, ptn_bytes("abcd", 4), NULL);
    CHECK_EQ(PTN_OK, ptn_capture_flush(c));
    ptn_capture_free(c);
    long size = size_of(path);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(PTN_ERR_IN_USE, ptn_capture_new(&o, &c));
    CHECK_EQ(size, size_of(path));
    o.keeps_others = false;
    CHECK_EQ(PTN_OK, ptn_capture_new(&o, &c));
    CHECK(size_of(path) < size);
    ptn_capture_free(c);
    tidy();
}

TEST(a_folder_that_is_not_there_is_told)
{
    struct ptn_capture_opts o = {
        .path = "/nowhere/a.pcapng", .program = "test", .names = NAMES, .count = 1};
    struct ptn_capture *c;
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_capture_new(&o, &c));
}

TEST(packets_beyond_the_limit_are_left_out_and_the_file_stays_whole)
{
    struct ptn_capture_opts o = opts();
    struct ptn_capture *c;
    o.bytes_max = 400;
    CHECK_EQ(PTN_OK, ptn_capture_new(&o, &c));
    uint64_t empty = ptn_capture_bytes(c);
    for (unsigned i = 0; i < 10; i++)
        ptn_capture_packet(c, 1, i, ptn_bytes("0123456789abcdef", 16), NULL);
    CHECK_EQ(PTN_OK, ptn_capture_flush(c));
    CHECK(ptn_capture_is_full(c));
    CHECK_EQ((400 - empty) / 48, ptn_capture_packets(c));
    CHECK_EQ(empty + 48 * ptn_capture_packets(c), ptn_capture_bytes(c));
    CHECK_EQ(ptn_capture_bytes(c), size_of(path));
    ptn_capture_free(c);
    tidy();
}

TEST(a_full_disk_is_told)
{
    struct ptn_capture_opts o = {
        .path = "/dev/full", .program = "test", .names = NAMES, .count = 1};
    struct ptn_capture *c;
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_capture_new(&o, &c));
}
