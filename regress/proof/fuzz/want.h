/* SPDX-License-Identifier: ISC */
/*
 * What a line asks for, parsed independently of the daemon; and the vault of
 * the fuzz target "control", which answers it.
 */
#ifndef WANT_H
#define WANT_H

#include "net.h"

struct want {
	struct imsg im;	     /* type 0: there is no such verb */
	const char *refusal; /* the word that it is refused with, or NULL */
	bool	    put;     /* a refusal closes the connection */
};

bool want_is_put(const char *);
void want_of(const struct client *, const struct line *, struct want *);

void control_vault_reply(struct client *, unsigned int);
void control_vault_drop(struct client *);
void control_vault_event(void);
bool control_vault_take(struct client *);

#endif
