/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOGIND_POLICY_H
#define DAZAI_LOGIND_POLICY_H

#include <stdbool.h>
#include <stdnoreturn.h>

struct policy {
	enum { LOCK_RELEASE, LOCK_EMPTY, LOCK_IGNORE } lock;
	bool sleep; /* panic before the machine sleeps */
};

noreturn void policy_run(const struct policy *);

#endif
