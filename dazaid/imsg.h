/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_IMSG_H
#define DAZAI_IMSG_H

#include <sys/types.h>

#include <stdint.h>

enum imsg_type {
	/* vault to network */
	IMSG_CONFIG = 1, /* who may connect, and what to become */
	IMSG_LISTENER,	 /* one of the two sockets to accept on */
	IMSG_WELCOME,
	IMSG_PONG,
	IMSG_CANCELLED,
	IMSG_NOTHING_PENDING,
	IMSG_BYE,    /* tell the client, then exit */
	IMSG_DROP,   /* the heartbeat missed its deadline: close it */
	IMSG_ANSWER, /* how a control client's request went */
	IMSG_STATE,  /* what STATUS asked for */
	IMSG_ENTRY,  /* one secret, of those that LIST asked for */
	/* network to vault */
	IMSG_READY,  /* confined, waiting for the listener */
	IMSG_SIGNAL, /* one was sent to network: take it as yours */
	IMSG_HELLO,  /* with the client's descriptor */
	IMSG_PING,
	IMSG_CANCEL,
	IMSG_QUIT,
	IMSG_LOST,   /* the last word about a heartbeat, unless QUIT was */
	IMSG_STATUS, /* each of these is answered once, ... */
	IMSG_ARM,
	IMSG_LIST,     /* the first secret behind the one of this id */
	IMSG_REGISTER, /* ... from here on with the client's descriptor */
	IMSG_UNREGISTER,
	IMSG_PUT,
	IMSG_GET,
	IMSG_DEL,
	IMSG_PANIC, /* 0 graceful, 1 hard; the only one without answer */
	IMSG_TYPES
};

/* When a message may come, as the receiver sees it. */
#define IMSG_AT_START  0x01 /* before the listener was handed over */
#define IMSG_UNGUARDED 0x02 /* no heartbeat */
#define IMSG_GUARDED   0x04 /* a heartbeat lives */
#define IMSG_DROPPED   0x08 /* the vault gave it up; LOST is still to come */

struct imsg_config {
	uint32_t owner;	 /* uid that may connect, beside root */
	uint32_t become; /* uid and gid to become; 0: stay */
	uint32_t verbose;
	uint32_t background; /* own session, syslog */
};

struct imsg_number {
	uint32_t n; /* a pid, a signal, a count of PINGs, ... */
};

/* How a request went.  request_answer() has the words for it. */
enum imsg_answer {
	ANSWER_OK = 1,
	ANSWER_SENT, /* the vault has answered the client itself */
	ANSWER_CUT,  /* a transfer failed: close the connection */
	ANSWER_ALREADY_ARMED,
	ANSWER_BUSY,
	ANSWER_INVALID_PID,
	ANSWER_UNGUARDED,
	ANSWER_PENDING,
	ANSWER_NO_SUCH_SECRET,
	ANSWER_EXISTS,
	ANSWER_FULL,
	ANSWER_TOO_LARGE,
	ANSWERS
};

struct imsg_state {
	int64_t	 grace;	    /* ms */
	int64_t	 left;	    /* ms of a pending panic's window */
	int64_t	 since;	    /* s of the epoch: guarded */
	uint64_t size;	    /* bytes of the arena */
	uint64_t room;	    /* bytes of the largest value that fits now */
	uint32_t heartbeat; /* pid by the kernel's word */
	uint32_t memory;    /* enum secmem_kind */
	uint32_t secrets;
	uint32_t registered;
	uint32_t armed;
	uint32_t guarded;
	uint32_t pending;
};

#define IMSG_NAME 65 /* bytes of a secret's name with its NUL */

struct imsg_name {
	char name[IMSG_NAME];
};

struct imsg_put {
	uint64_t size;	/* bytes to come */
	int64_t	 ttl;	/* ms; 0: for ever */
	uint32_t reads; /* 0: any number */
	char	 name[IMSG_NAME];
};

struct imsg_entry {
	uint64_t id; /* LIST goes on behind it */
	uint64_t size;
	int64_t	 left;	/* ms; -1: for ever */
	uint32_t reads; /* 0: any number */
	char	 name[IMSG_NAME];
};

struct imsg_id {
	uint64_t id;
};

struct imsg {
	uint32_t type; /* enum imsg_type */
	uint32_t peer; /* the client's number; 0: none */
	union {
		struct imsg_config config;
		struct imsg_number number;
		struct imsg_state  state;
		struct imsg_name   name;
		struct imsg_put	   put;
		struct imsg_entry  entry;
		struct imsg_id	   id;
	} u;
	int fd; /* -1: none; else the receiver's to close */
};

enum imsg_result {
	IMSG_OK,
	IMSG_NONE, /* nothing there now */
	IMSG_EOF,  /* the other side is gone */
	IMSG_BAD   /* the other side breaks the rules */
};

enum imsg_side { IMSG_FROM_VAULT, IMSG_FROM_NETWORK };

int		 imsg_send(int, const struct imsg *, int);
enum imsg_result imsg_recv(int, enum imsg_side, unsigned int, struct imsg *);
const char	*imsg_name(uint32_t);

#endif
