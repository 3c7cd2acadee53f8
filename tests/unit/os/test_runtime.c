#include "os/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

TEST(a_users_own_socket_is_found_in_his_runtime_folder)
{
    char folder[] = "/tmp/postern-runtime-XXXXXX", path[PTN_RUNTIME_PATH_SIZE], made[200],
         sock[220];
    CHECK(mkdtemp(folder) != NULL);
    setenv("XDG_RUNTIME_DIR", folder, 1);

    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_runtime_find("no-phone-of-this-name", path));
    CHECK_STR("/run/postern/no-phone-of-this-name.sock", path);

    snprintf(made, sizeof made, "%s/postern", folder);
    snprintf(sock, sizeof sock, "%s/alice.sock", made);
    CHECK_EQ(0, mkdir(made, 0700));
    FILE *f = fopen(sock, "w");
    CHECK(f && fclose(f) == 0);
    CHECK_EQ(PTN_OK, ptn_runtime_find("alice", path));
    CHECK_STR(sock, path);
    unlink(sock);
    rmdir(made);
    rmdir(folder);
    unsetenv("XDG_RUNTIME_DIR");
}

TEST(a_name_too_long_for_a_socket_is_refused)
{
    char name[120], path[PTN_RUNTIME_PATH_SIZE];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_runtime_find(name, path));
}
