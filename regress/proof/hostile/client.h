/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_CLIENT_H
#define HOSTILE_CLIENT_H

#include <stdint.h>

/* A client's connection: its own end, and network's. */
struct client {
	int fd, at;
};

int	      client_connect(int);
void	      client_unlock(int);
struct client client_come(int);
struct client client_hold(uint32_t, const char *);
void	      client_leave(const struct client *);
void	      client_want(int, const char *);
void	      client_clean(int);

#endif
