/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_LIST_H
#define DAZAICTL_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "sockpath.h"

#define LIST_WORD   192 /* bytes of the longest word of an answer */
#define LIST_HOLDER 320 /* bytes of the words about a holder */

/* How an answer is shown. */
enum list_form {
	LIST_WORDS, /* a table for reading */
	LIST_LINES, /* as the daemon sends it */
	LIST_JSON
};

/* The lines of an answer, one after another, each with a NUL at its end. */
struct list {
	char  *text;
	size_t len;
};

void	    list_ask(struct list *, int, const char *, bool (*)(const char *));
void	    list_secrets(const struct sockpath *, enum list_form);
void	    list_tethers(const struct sockpath *, enum list_form);
void	    list_wants(const struct sockpath *, const char *);
const char *list_next(const struct list *, const char *);
void	    list_split(const char *, char[][LIST_WORD]);
void	    list_holder(char[][LIST_WORD], bool, char *);

#endif
