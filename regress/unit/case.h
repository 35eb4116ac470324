/* SPDX-License-Identifier: ISC */
/*
 * A test case with a description of what it shows.
 */
#ifndef REGRESS_CASE_H
#define REGRESS_CASE_H

#include <atf-c.h>

#define CASE(name, text)                                    \
	ATF_TC(name);                                       \
	ATF_TC_HEAD(name, tc)                               \
	{                                                   \
		atf_tc_set_md_var(tc, "descr", "%s", text); \
	}                                                   \
	ATF_TC_BODY(name, tc)

#endif
