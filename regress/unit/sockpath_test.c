/* SPDX-License-Identifier: ISC */
/*
 * Where the socket is.  behaviour/files_test.sh and paths_test.sh show what is
 * asked for, what is too long, and which directories are refused.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "sockpath.h"

#define UID 4000000001U /* has no /run/user/UID */

/* want is the only place. */
static void
require_place(const char *asked, uid_t uid, const char *rundir,
    const char *want)
{
	struct sockpath sp;

	ATF_REQUIRE(sockpath_find(asked, uid, rundir, &sp) == NULL);
	ATF_REQUIRE_EQ(1, sp.n);
	ATF_REQUIRE_STREQ(want, sp.path[0]);
}

CASE(then_the_run_directory_and_tmp,
    "without both, the run directory is the first place, and /tmp/dazai- "
    "UID the last")
{
	struct sockpath sp;
	char		own[SOCKPATH_SIZE], tmp[SOCKPATH_SIZE];

	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	(void)snprintf(own, sizeof(own), "./dazai-%u.sock", geteuid());
	(void)snprintf(tmp, sizeof(tmp), "/tmp/dazai-%u/dazai-%u.sock",
	    geteuid(), geteuid());
	ATF_REQUIRE(sockpath_find(NULL, geteuid(), ".", &sp) == NULL);
	ATF_REQUIRE(sp.n >= 2);
	ATF_REQUIRE_STREQ(own, sp.path[0]);
	ATF_REQUIRE_STREQ(tmp, sp.path[sp.n - 1]);
	require_place(NULL, UID, NULL,
	    "/tmp/dazai-4000000001/dazai-4000000001.sock");
	require_place(NULL, 4294967294U, "",
	    "/tmp/dazai-4294967294/dazai-4294967294.sock");
}

CASE(a_run_directory_must_be_there_and_ours,
    "a run directory that is missing, no directory, or of another user (as "
    "su(1) leaves it) is passed over")
{
	const char *tmp = "/tmp/dazai-4000000001/dazai-4000000001.sock";

	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	require_place(NULL, UID, ".", tmp);
	require_place(NULL, UID, "/nonexistent", tmp);
	require_place(NULL, UID, "/dev/null", tmp);
}

CASE(a_path_is_no_format, "a percent sign in a path means itself")
{
	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	require_place("/a/%s%n%d", UID, NULL, "/a/%s%n%d");
}

/* sockpath_opendir(path) works, is what dir is, and not private. */
static void
require_directory(const char *path, const char *dir)
{
	struct stat st, want;
	char	    why[SOCKPATH_WHY];
	bool	    is_private;
	int	    fd = sockpath_opendir(path, false, &is_private, why);

	ATF_REQUIRE_MSG(fd != -1, "%s", why);
	ATF_REQUIRE(!is_private);
	ATF_REQUIRE(fstat(fd, &st) == 0 && stat(dir, &want) == 0);
	ATF_REQUIRE(st.st_dev == want.st_dev && st.st_ino == want.st_ino);
	close(fd);
}

CASE(a_directory_of_the_users_choice_may_be_any,
    "the directory of a path may be a link, or open to others; one that "
    "is missing is told")
{
	char why[SOCKPATH_WHY];
	bool private;

	require_directory("sock", ".");
	require_directory("/sock", "/");
	require_directory("/tmp/dazai-sock", "/tmp");
	ATF_REQUIRE(mkdir("dir", 0777) == 0);
	ATF_REQUIRE(symlink("dir", "link") == 0);
	require_directory("link/sock", "dir");
	require_directory("dir///sock", "dir");
	ATF_REQUIRE(sockpath_opendir("none/sock", true, &private, why) == -1);
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE_STREQ("none: No such file or directory", why);
}

CASE(an_address_has_the_path_and_nothing_else,
    "sockpath_addr() sets every byte of the address")
{
	struct sockaddr_un sun, want;

	memset(&sun, 0x55, sizeof(sun));
	sockpath_addr("/a/b", &sun);
	memset(&want, 0, sizeof(want));
	want.sun_family = AF_UNIX;
	memcpy(want.sun_path, "/a/b", 4);
	ATF_REQUIRE(memcmp(&sun, &want, sizeof(sun)) == 0);
}
