/* SPDX-License-Identifier: ISC */
/*
 * Where the socket is.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <atf-c.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sockpath.h"

#define UID 1000

/* The choice fits, and is want. */
static void
require_path(const char *asked, uid_t uid, const char *rundir, const char *want)
{
	char path[SOCKPATH_SIZE];

	ATF_REQUIRE(sockpath_choose(asked, uid, rundir, path) == NULL);
	ATF_REQUIRE_STREQ(want, path);
}

ATF_TC_WITHOUT_HEAD(what_was_asked_for_comes_first);
ATF_TC_BODY(what_was_asked_for_comes_first, tc)
{
	ATF_REQUIRE(setenv("DAZAI_SOCK", "/env/sock", 1) == 0);
	require_path("/asked/sock", UID, "/run/user/1000", "/asked/sock");
	require_path("relative", UID, "/run/user/1000", "relative");
}

ATF_TC_WITHOUT_HEAD(then_the_environment);
ATF_TC_BODY(then_the_environment, tc)
{
	ATF_REQUIRE(setenv("DAZAI_SOCK", "/env/sock", 1) == 0);
	require_path(NULL, UID, "/run/user/1000", "/env/sock");
	require_path(NULL, UID, NULL, "/env/sock");
}

ATF_TC_WITHOUT_HEAD(then_the_run_directory_or_tmp);
ATF_TC_BODY(then_the_run_directory_or_tmp, tc)
{
	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	require_path(NULL, UID, "/run/user/1000",
	    "/run/user/1000/dazai-1000.sock");
	require_path(NULL, UID, NULL, "/tmp/dazai-1000.sock");
	require_path(NULL, UID, "", "/tmp/dazai-1000.sock");
	require_path(NULL, 0, NULL, "/tmp/dazai-0.sock");
	require_path(NULL, 4294967294U, NULL, "/tmp/dazai-4294967294.sock");
}

/* The caller refuses it; it must not fall back to where nobody looks. */
ATF_TC_WITHOUT_HEAD(an_empty_path_is_no_default);
ATF_TC_BODY(an_empty_path_is_no_default, tc)
{
	const char *empty = "the socket path is empty";
	char	    path[SOCKPATH_SIZE];

	ATF_REQUIRE(setenv("DAZAI_SOCK", "", 1) == 0);
	ATF_REQUIRE_STREQ(empty,
	    sockpath_choose(NULL, UID, "/run/user/1000", path));
	ATF_REQUIRE(setenv("DAZAI_SOCK", "/env/sock", 1) == 0);
	ATF_REQUIRE_STREQ(empty,
	    sockpath_choose("", UID, "/run/user/1000", path));
}

ATF_TC_WITHOUT_HEAD(a_path_is_no_format);
ATF_TC_BODY(a_path_is_no_format, tc)
{
	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	require_path("/a/%s%n%d", UID, NULL, "/a/%s%n%d");
	require_path(NULL, UID, "/%s%n", "/%s%n/dazai-1000.sock");
}

ATF_TC_WITHOUT_HEAD(the_longest_path_fits_with_its_suffixes);
ATF_TC_BODY(the_longest_path_fits_with_its_suffixes, tc)
{
	struct sockaddr_un sun;
	char		   longest[SOCKPATH_SIZE];
	char		   with[sizeof(sun.sun_path)];

	ATF_REQUIRE_EQ(104, SOCKPATH_SIZE);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	require_path(longest, UID, NULL, longest);
	ATF_REQUIRE_EQ(sizeof(with) - 1,
	    (size_t)snprintf(with, sizeof(with), "%s.pid", longest));
	sockpath_addr(with, &sun);
	ATF_REQUIRE_STREQ(with, sun.sun_path);
}

ATF_TC_WITHOUT_HEAD(a_longer_path_is_told_by_its_length);
ATF_TC_BODY(a_longer_path_is_told_by_its_length, tc)
{
	char path[SOCKPATH_SIZE + 1], asked[5001];

	ATF_REQUIRE(unsetenv("DAZAI_SOCK") == 0);
	path[SOCKPATH_SIZE] = '!';
	memset(asked, 'x', sizeof(asked));
	asked[sizeof(asked) - 1] = '\0';
	ATF_REQUIRE_STREQ(
	    "the socket path is too long: 5000 bytes, at most 103",
	    sockpath_choose(asked, UID, NULL, path));
	ATF_REQUIRE_STREQ(
	    "the socket path is too long: 5016 bytes, at most 103",
	    sockpath_choose(NULL, UID, asked, path));
	asked[SOCKPATH_SIZE] = '\0';
	ATF_REQUIRE_STREQ("the socket path is too long: 104 bytes, at most 103",
	    sockpath_choose(asked, UID, NULL, path));
	ATF_REQUIRE_EQ(SOCKPATH_SIZE - 1, strlen(path));
	ATF_REQUIRE_EQ('!', path[SOCKPATH_SIZE]);
}

ATF_TC_WITHOUT_HEAD(an_address_has_the_path_and_nothing_else);
ATF_TC_BODY(an_address_has_the_path_and_nothing_else, tc)
{
	struct sockaddr_un sun, want;

	memset(&sun, 0x55, sizeof(sun));
	sockpath_addr("/a/b", &sun);
	memset(&want, 0, sizeof(want));
	want.sun_family = AF_UNIX;
	memcpy(want.sun_path, "/a/b", 4);
	ATF_REQUIRE(memcmp(&sun, &want, sizeof(sun)) == 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, what_was_asked_for_comes_first);
	ATF_TP_ADD_TC(tp, then_the_environment);
	ATF_TP_ADD_TC(tp, then_the_run_directory_or_tmp);
	ATF_TP_ADD_TC(tp, an_empty_path_is_no_default);
	ATF_TP_ADD_TC(tp, a_path_is_no_format);
	ATF_TP_ADD_TC(tp, the_longest_path_fits_with_its_suffixes);
	ATF_TP_ADD_TC(tp, a_longer_path_is_told_by_its_length);
	ATF_TP_ADD_TC(tp, an_address_has_the_path_and_nothing_else);

	return (atf_no_error());
}
