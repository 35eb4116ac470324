/* SPDX-License-Identifier: ISC */
/*
 * Prints a table of TABLE_COLUMNS columns, as wide as their longest cells.
 */
#include <stdio.h>
#include <string.h>

#include "paint.h"
#include "table.h"

#define TABLE_GAP 2 /* blanks between columns */

/* Prints a cell, padded with blanks unless it is the last one of its row. */
static void
table_print_cell(const char *text, const struct table_column *c, size_t width,
    bool last)
{
	if (c->right)
		printf("%*s", (int)width, text);
	else
		printf("%-*s", last ? 0 : (int)width, text);
	if (!last)
		printf("%*s", TABLE_GAP, "");
}

static void
table_print_row(const struct table_column *columns, const size_t *width,
    char cell[][TABLE_CELL])
{
	size_t i;

	for (i = 0; i < TABLE_COLUMNS; i++)
		table_print_cell(cell[i], &columns[i], width[i],
		    i == TABLE_COLUMNS - 1);
}

static void
table_widen(size_t *width, char cell[][TABLE_CELL])
{
	size_t i;

	for (i = 0; i < TABLE_COLUMNS; i++) {
		if (strlen(cell[i]) > width[i])
			width[i] = strlen(cell[i]);
	}
}

/*
 * Prints a heading, and a row for each line of l.  Calls row twice for each
 * line, to fill in the cells.
 */
void
table_print(const struct table_column *columns, const struct list *l,
    table_row *row)
{
	char	    head[TABLE_COLUMNS][TABLE_CELL];
	char	    cell[TABLE_COLUMNS][TABLE_CELL];
	size_t	    width[TABLE_COLUMNS] = { 0 }, i;
	const char *line = NULL;

	for (i = 0; i < TABLE_COLUMNS; i++)
		(void)snprintf(head[i], TABLE_CELL, "%s", columns[i].head);
	table_widen(width, head);
	while ((line = list_next(l, line)) != NULL) {
		row(line, cell);
		table_widen(width, cell);
	}
	printf("%s", paint(PAINT_HEAD));
	table_print_row(columns, width, head);
	printf("%s\n", paint(PAINT_OFF));
	while ((line = list_next(l, line)) != NULL) {
		row(line, cell);
		table_print_row(columns, width, cell);
		putchar('\n');
	}
}
