/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_REQUEST_H
#define DAZAID_REQUEST_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "store.h"

enum request_verb {
	REQUEST_STATUS,
	REQUEST_ARM,
	REQUEST_PANIC,
	REQUEST_LIST,
	REQUEST_REGISTER,
	REQUEST_UNREGISTER,
	REQUEST_PUT,
	REQUEST_GET,
	REQUEST_DEL
};

struct request {
	enum request_verb verb;
	uint32_t	  hard;	 /* PANIC's: 1 for hard */
	pid_t		  pid;	 /* of REGISTER and UNREGISTER; 0: itself */
	uint64_t	  size;	 /* PUT's, in bytes */
	uint32_t	  reads; /* PUT's; 0: any number */
	int64_t		  ttl;	 /* PUT's, in ms; 0: for ever */
	char		  name[STORE_NAME];
};

const char *request_parse(char *, struct request *);

#endif
