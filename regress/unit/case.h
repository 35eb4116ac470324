/* SPDX-License-Identifier: ISC */
/*
 * A test case with a description of what it shows.  Cases run in the order in
 * which they stand in the file.
 */
#ifndef REGRESS_CASE_H
#define REGRESS_CASE_H

#include <atf-c.h>
#include <stddef.h>

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

typedef atf_error_t case_add(atf_tp_t *);

static case_add *cases[32];
static size_t	 ncases;

#define CASE(name, text)      CASE_OF("", name, text)
#define CASE_ROOT(name, text) CASE_OF("root", name, text)

#define CASE_OF(user, name, text)                                     \
	ATF_TC(name);                                                 \
	ATF_TC_HEAD(name, tc)                                         \
	{                                                             \
		atf_tc_set_md_var(tc, "descr", "%s", text);           \
		if (user[0] != '\0')                                  \
			atf_tc_set_md_var(tc, "require.user", user);  \
	}                                                             \
	static atf_error_t name##_add(atf_tp_t *tp)                   \
	{                                                             \
		ATF_TP_ADD_TC(tp, name);                              \
		return (atf_no_error());                              \
	}                                                             \
	__attribute__((constructor)) static void name##_declare(void) \
	{                                                             \
		cases[ncases++] = name##_add;                         \
	}                                                             \
	ATF_TC_BODY(name, tc)

ATF_TP_ADD_TCS(tp)
{
	atf_error_t error = atf_no_error();
	size_t	    i;

	for (i = 0; i < ncases && !atf_is_error(error); i++)
		error = cases[i](tp);
	return (error);
}

#endif
