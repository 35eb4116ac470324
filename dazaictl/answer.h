/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_ANSWER_H
#define DAZAICTL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

bool	    answer_is_status(const char *);
bool	    answer_is_entry(const char *);
bool	    answer_is_tether(const char *);
bool	    answer_is_event(const char *);
bool	    answer_is_event_kind(const char *);
bool	    answer_is_last(const char *);
bool	    answer_is_refusal(const char *);
const char *answer_value(const char *, const char *, char *, size_t);

#endif
