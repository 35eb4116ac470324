/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_TABLE_H
#define DAZAICTL_TABLE_H

#include <stdbool.h>

#include "list.h"

#define TABLE_COLUMNS 4
#define TABLE_CELL    320 /* bytes of a text */

struct table_column {
	const char *head;
	bool	    right; /* aligned; else left */
};

/* Fills in the TABLE_COLUMNS cells for a line. */
typedef void table_row(const char *, char[][TABLE_CELL]);

void table_print(const struct table_column *, const struct list *, table_row *);

#endif
