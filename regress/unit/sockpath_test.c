/* SPDX-License-Identifier: ISC */
/*
 * Where the socket is.
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

/* The places are want[], up to a NULL. */
static void
require_places(const char *asked, uid_t uid, const char *rundir,
    const char *const *want)
{
	struct sockpath sp;
	unsigned int	i;

	ATF_REQUIRE(sockpath_find(asked, uid, rundir, &sp) == NULL);
	for (i = 0; want[i] != NULL; i++) {
		ATF_REQUIRE(i < sp.n);
		ATF_REQUIRE_STREQ(want[i], sp.path[i]);
	}
	ATF_REQUIRE_EQ(i, sp.n);
}

static void
require_place(const char *asked, uid_t uid, const char *rundir,
    const char *want)
{
	const char *const wants[] = { want, NULL };

	require_places(asked, uid, rundir, wants);
}

CASE(what_was_asked_for_is_the_only_place,
    "-s PATH is the only place, whatever the environment says")
{
	ATF_REQUIRE(setenv("DAZAI_SOCK", "/env/sock", 1) == 0);
	require_place("/asked/sock", geteuid(), ".", "/asked/sock");
	require_place("relative", geteuid(), ".", "relative");
}

CASE(then_the_environment, "without -s PATH, DAZAI_SOCK is the only place")
{
	ATF_REQUIRE(setenv("DAZAI_SOCK", "/env/sock", 1) == 0);
	require_place(NULL, geteuid(), ".", "/env/sock");
	require_place(NULL, UID, NULL, "/env/sock");
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
    "a run directory that is missing, no directory, or of another user (as su(1) "
    "leaves it) is passed over")
{
	const char *tmp = "/tmp/dazai-4000000001/dazai-4000000001.sock";

	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	require_place(NULL, UID, ".", tmp);
	require_place(NULL, UID, "/nonexistent", tmp);
	require_place(NULL, UID, "/dev/null", tmp);
}

CASE(an_empty_path_is_no_default,
    "an empty path, or one that ends in a slash, is an error, and no "
    "other place is tried")
{
	const char     *empty = "the socket path is empty";
	struct sockpath sp;

	ATF_REQUIRE(setenv("DAZAI_SOCK", "", 1) == 0);
	ATF_REQUIRE_STREQ(empty, sockpath_find(NULL, geteuid(), ".", &sp));
	ATF_REQUIRE(setenv("DAZAI_SOCK", "/env/sock", 1) == 0);
	ATF_REQUIRE_STREQ(empty, sockpath_find("", geteuid(), ".", &sp));
	ATF_REQUIRE_STREQ("the socket path ends in a slash",
	    sockpath_find("/tmp/", geteuid(), ".", &sp));
}

CASE(a_path_is_no_format, "a percent sign in a path means itself")
{
	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	require_place("/a/%s%n%d", UID, NULL, "/a/%s%n%d");
}

CASE(the_longest_path_fits_with_its_suffixes,
    "a path of 103 bytes fits into an address with .pid behind it")
{
	struct sockaddr_un sun;
	char		   longest[SOCKPATH_SIZE];
	char		   with[sizeof(sun.sun_path)];

	ATF_REQUIRE_EQ(104, SOCKPATH_SIZE);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	require_place(longest, UID, NULL, longest);
	ATF_REQUIRE_EQ(sizeof(with) - 1,
	    (size_t)snprintf(with, sizeof(with), "%s.pid", longest));
	sockpath_addr(with, &sun);
	ATF_REQUIRE_STREQ(with, sun.sun_path);
}

CASE(a_longer_path_is_told_by_its_length,
    "a path of 104 bytes is refused with its length, and there is no "
    "place")
{
	struct sockpath sp;
	char		asked[5001];

	memset(asked, 'x', sizeof(asked));
	asked[sizeof(asked) - 1] = '\0';
	ATF_REQUIRE_STREQ(
	    "the socket path is too long: 5000 bytes, at most 103",
	    sockpath_find(asked, UID, NULL, &sp));
	asked[SOCKPATH_SIZE] = '\0';
	ATF_REQUIRE_STREQ("the socket path is too long: 104 bytes, at most 103",
	    sockpath_find(asked, UID, NULL, &sp));
	ATF_REQUIRE_EQ(0, sp.n);
}

/* sockpath_opendir(path) works, and is what dir is; private or not. */
static void
require_directory(const char *path, const char *dir, bool private)
{
	struct stat st, want;
	char	    why[SOCKPATH_WHY];
	bool	    is_private;
	int	    fd = sockpath_opendir(path, false, &is_private, why);

	ATF_REQUIRE_MSG(fd != -1, "%s", why);
	ATF_REQUIRE_EQ(private, is_private);
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

	require_directory("sock", ".", false);
	require_directory("/sock", "/", false);
	require_directory("/tmp/dazai-sock", "/tmp", false);
	ATF_REQUIRE(mkdir("dir", 0777) == 0);
	ATF_REQUIRE(symlink("dir", "link") == 0);
	require_directory("link/sock", "dir", false);
	require_directory("dir///sock", "dir", false);
	ATF_REQUIRE(sockpath_opendir("none/sock", true, &private, why) == -1);
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE_STREQ("none: No such file or directory", why);
}

/* The tests of a private directory need a uid whose directory nobody uses. */
static char private_dir[32], private_path[SOCKPATH_SIZE];

static void
private_prepare(uid_t uid)
{
	(void)snprintf(private_dir, sizeof(private_dir), "/tmp/dazai-%u", uid);
	(void)snprintf(private_path, sizeof(private_path), "%s/sock",
	    private_dir);
	(void)rmdir(private_dir);
	(void)unlink(private_dir);
}

static void
require_distrust(const char *what)
{
	char want[SOCKPATH_WHY], why[SOCKPATH_WHY];
	bool private;

	(void)snprintf(want, sizeof(want), "%s: %s", private_dir, what);
	ATF_REQUIRE(sockpath_opendir(private_path, true, &private, why) == -1);
	ATF_REQUIRE_EQ(EPERM, errno);
	ATF_REQUIRE_STREQ(want, why);
}

CASE_ROOT(a_private_directory_is_checked,
    "/tmp/dazai-UID is made, and refused if it is a link, no directory, "
    "another user's or open to others")
{
	const uid_t uid = 4000000000U + (uid_t)getpid();
	char	    why[SOCKPATH_WHY];
	bool private;

	private_prepare(uid);
	ATF_REQUIRE(sockpath_opendir(private_path, false, &private, why) == -1);
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE(symlink("/root", private_dir) == 0);
	require_distrust("is a symbolic link");
	private_prepare(uid);
	ATF_REQUIRE(mkfifo(private_dir, 0600) == 0);
	require_distrust("is not a directory");
	private_prepare(uid);
	ATF_REQUIRE(mkdir(private_dir, 0700) == 0);
	(void)snprintf(why, sizeof(why),
	    "belongs to uid 0, but must belong to uid %u", uid);
	require_distrust(why);
	ATF_REQUIRE(chown(private_dir, uid, uid) == 0);
	require_directory(private_path, private_dir, true);
	ATF_REQUIRE(chmod(private_dir, 0710) == 0);
	require_distrust("is open to others, its mode 710 should be 700");
	/* One that is missing is made. */
	private_prepare(uid);
	ATF_REQUIRE(seteuid(uid) == 0);
	ATF_REQUIRE(sockpath_opendir(private_path, true, &private, why) != -1);
	ATF_REQUIRE(seteuid(0) == 0);
	require_directory(private_path, private_dir, true);
	private_prepare(uid);
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
