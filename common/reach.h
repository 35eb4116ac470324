/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_REACH_H
#define DAZAI_REACH_H

#include <sys/socket.h>
#include <sys/types.h>

#include <stdbool.h>

#include "sockpath.h"
#include "vouch.h"

#define REACH_WHY 512 /* bytes of the error message */

enum reach_result {
	REACH_FOUND,
	REACH_NO_DAEMON, /* no process listens at any of the places */
	REACH_REFUSED,	 /* no permission, or not to be trusted */
	REACH_FULL,	 /* found, but it accepts no connection now */
	REACH_FAILED	 /* a system call failed */
};

/*
 * The caller sets seconds and any before reach_find(), and closes dir and file
 * by reach_close().
 */
struct reach {
	int	     seconds; /* to send and to receive; 0: never block */
	bool	     any;     /* for root, a daemon that any user has started */
	const char  *suffix;
	const char  *path;  /* of the heartbeat socket, in the sockpath */
	int	     dir;   /* its directory, O_PATH */
	int	     file;  /* the file that was connected to, O_PATH */
	int	     fd;    /* the connection, the caller's to close */
	uid_t	     uid;   /* ours */
	uid_t	     owner; /* the file's */
	struct ucred maker; /* the process that listens */
	struct vouch vouch; /* recognises the vault's own messages */
	char	     why[REACH_WHY];
};

enum reach_result reach_find(struct reach *, const struct sockpath *,
    const char *);
enum reach_result reach_again(struct reach *);
void		  reach_close(struct reach *);

#endif
