/* SPDX-License-Identifier: ISC */
/* What the parts of talk share: talk.c runs the commands. */
#ifndef TALK_H
#define TALK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE 8192
#define BULK (1 << 20) /* the most that one command says */

struct conn {
	int    fd;
	size_t len;
	char   buf[LINE];
};

extern struct conn *cur;      /* whom the commands are about */
extern int64_t	    patience; /* ms */
extern int64_t	    deadline; /* of this command */
extern const char  *doing;    /* this command, */
extern char	  **arg;      /* its arguments */
extern char	    bulk[BULK];

int64_t	    talk_now(void);
long	    talk_number(const char *);
bool	    talk_ready(int, short, int64_t);
int	    talk_reach(void);
void	    talk_put(const char *, size_t);
void	    talk_say(const char *);
void	    talk_want(const char *);
const char *talk_contents(const char *, size_t *);

/* The commands. */
void do_say(void);
void do_raw(void);
void do_urgent(void);
void do_bytes(void);
void do_repeat(void);
void do_send_file(void);
void do_fill(void);
void do_junk(void);
void do_hammer(void);
void do_want(void);
void do_wantn(void);
void do_until(void);
void do_like(void);
void do_ask(void);
void do_show(void);
void do_want_file(void);
void do_take(void);
void do_rest(void);
void do_eof(void);
void do_hold(void);
void do_pong_under(void);
void do_exchange(void);
void do_get(void);
void do_put(void);

#endif
