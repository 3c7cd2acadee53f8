#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/notify.h"
#include "support/test.h"

TEST(a_file_is_replaced_as_a_whole_and_read_back)
{
    char folder[] = "/tmp/ptn-test-XXXXXX", path[64];
    struct ptn_bytes bytes;
    struct stat st;
    static char big[100000];

    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    CHECK_EQ(PTN_OK, ptn_file_write(path, ptn_bytes_of_text("first"), 0600));
    memset(big, 'b', sizeof big);
    CHECK_EQ(PTN_OK, ptn_file_write(path, ptn_bytes(big, sizeof big), 0640));
    CHECK_EQ(0, stat(path, &st));
    CHECK_EQ(0640, st.st_mode & 0777);
    CHECK_EQ(PTN_OK, ptn_file_read(path, sizeof big, &bytes));
    CHECK_EQ(sizeof big, bytes.size);
    CHECK_BYTES(big, bytes.data, bytes.size);
    CHECK_EQ(0, bytes.data[bytes.size]);
    ptn_file_free(&bytes);

    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_file_read(path, sizeof big - 1, &bytes));
    CHECK(!bytes.data);
    unlink(path);
    CHECK_EQ(0, rmdir(folder)); /* nothing else was left behind */
}

TEST(an_empty_file_is_no_error)
{
    char path[] = "/tmp/ptn-test-XXXXXX";
    struct ptn_bytes bytes;

    close(mkstemp(path));
    CHECK_EQ(PTN_OK, ptn_file_read(path, 0, &bytes));
    CHECK_EQ(0, bytes.size);
    ptn_file_free(&bytes);
    unlink(path);
}

TEST(what_cannot_be_read_or_written_says_why)
{
    struct ptn_bytes bytes;

    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_file_read("/nonexistent/file", 10, &bytes));
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_file_write("/nonexistent/file", bytes, 0600));
    CHECK_EQ(PTN_ERR_IO, ptn_file_read("/", 10, &bytes)); /* a folder */
}

TEST(the_service_manager_is_told_on_its_socket)
{
    char folder[] = "/tmp/ptn-test-XXXXXX", text[32] = "";
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    unsetenv("NOTIFY_SOCKET");
    CHECK_EQ(PTN_OK, ptn_notify("READY=1"));

    CHECK(mkdtemp(folder));
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/notify", folder);
    setenv("NOTIFY_SOCKET", addr.sun_path, 1);
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_notify("READY=1"));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(0, bind(fd, (struct sockaddr *)&addr, sizeof addr));
    CHECK_EQ(PTN_OK, ptn_notify("READY=1"));
    CHECK_EQ(7, recv(fd, text, sizeof text, MSG_DONTWAIT));
    CHECK_STR("READY=1", text);
    setenv("NOTIFY_SOCKET", "relative", 1);
    CHECK_EQ(PTN_ERR_INVALID, ptn_notify("READY=1"));
    unsetenv("NOTIFY_SOCKET");
    close(fd);
    unlink(addr.sun_path);
    rmdir(folder);
}
