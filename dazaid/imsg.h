/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_IMSG_H
#define DAZAI_IMSG_H

#include <sys/types.h>

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "name.h"

enum imsg_type {
	/* vault to network */
	IMSG_CONFIG = 1, /* who may connect, and the uid to become */
	IMSG_LISTENER,	 /* one of the two listening sockets */
	IMSG_WELCOME,	 /* 1: the vault has told the client */
	IMSG_HOLDING,	 /* as WELCOME, to a holder on the control socket */
	IMSG_PONG,
	IMSG_CANCELLED,
	IMSG_NOTHING_PENDING,
	IMSG_STILL_LOST, /* CANCEL is refused: this tether is lost */
	IMSG_BYE,	 /* pass it on to the client, then exit */
	IMSG_DROP,	 /* a holder is lost: disconnect it */
	IMSG_ANSWER,	 /* how a control client's request went */
	IMSG_REPORT,	 /* the answer to STATUS */
	IMSG_ENTRY,	 /* the answer to LIST: one secret */
	IMSG_TETHER,	 /* the answer to TETHERS: one tether */
	IMSG_EVENT,	 /* an event for the watchers */
	IMSG_LOG,	 /* a line to be logged */
	/* network to vault */
	IMSG_READY,  /* confined, waiting for the listening sockets */
	IMSG_SIGNAL, /* sent to network; the vault handles it as its own */
	IMSG_HELLO,  /* with the client's descriptor */
	IMSG_PING,
	IMSG_CANCEL,
	IMSG_WATCH, /* the end of this process is the holder's loss, too */
	IMSG_QUIT,
	IMSG_LOST,   /* the connection was closed; the last message about it */
	IMSG_STATUS, /* each type from here to RELEASE is answered once */
	IMSG_ARM,
	IMSG_LIST,
	IMSG_TETHERS,
	IMSG_REGISTER, /* REGISTER to RELEASE carry the client's descriptor */
	IMSG_UNREGISTER,
	IMSG_PUT,
	IMSG_GET,
	IMSG_DEL,
	IMSG_HOLD,
	IMSG_RELEASE,
	IMSG_EVENTS, /* the number of watchers; without an answer */
	IMSG_PANIC,  /* 0: graceful, 1: hard; without an answer */
	IMSG_TYPES
};

/* The phases of the receiver in which a message may come. */
#define IMSG_AT_START  0x01 /* network does not have both sockets yet */
#define IMSG_UNGUARDED 0x02 /* there is no heartbeat */
#define IMSG_GUARDED   0x04 /* there is one */
#define IMSG_DROPPED   0x08 /* the vault dropped it; LOST has not come yet */

struct imsg_config {
	uint32_t owner;	     /* uid that may connect, as may root */
	uint32_t become_uid; /* 0: keep the uid */
	uint32_t become_gid;
	uint32_t verbose;
	uint32_t background; /* log to syslog, not to standard error */
	uint32_t unnamed;    /* lines on standard error have no "dazaid: " */
};

struct imsg_number {
	uint32_t n; /* a pid, a signal, a count of PINGs, ... */
};

/*
 * In HELLO's number, beside the pid: network must send WELCOME, not the vault.
 */
#define IMSG_HELLO_UNSENT 0x80000000U

/* The result of a request.  request_answer() has the words for it. */
enum imsg_answer {
	IMSG_ANSWER_OK = 1,
	IMSG_ANSWER_SENT, /* the vault has answered the client itself */
	IMSG_ANSWER_CUT,  /* a transfer failed: close the connection */
	IMSG_ANSWER_ALREADY_ARMED,
	IMSG_ANSWER_BUSY,
	IMSG_ANSWER_INVALID_PID,
	IMSG_ANSWER_UNGUARDED,
	IMSG_ANSWER_PENDING,
	IMSG_ANSWER_NO_SUCH_SECRET,
	IMSG_ANSWER_NO_SUCH_TETHER,
	IMSG_ANSWER_EXISTS,
	IMSG_ANSWER_FULL,
	IMSG_ANSWER_TOO_LARGE,
	IMSG_ANSWERS
};

struct imsg_report {
	int64_t	 grace;	    /* ms */
	int64_t	 left;	    /* ms of a pending panic's window */
	int64_t	 since;	    /* seconds since 1970: when the last holder came */
	uint64_t size;	    /* bytes of the arena */
	uint64_t room;	    /* bytes of the largest value that fits now */
	uint32_t heartbeat; /* pid, as the kernel reports it */
	uint32_t memory;    /* enum secmem_kind */
	uint32_t secrets;
	uint32_t registered;
	uint32_t armed;
	uint32_t guarded;
	uint32_t pending;
	uint32_t tethers; /* that were taken */
	int64_t	 timeout; /* ms without PING; 0: none */
	int64_t	 first;	  /* ms until nobody came to guard; 0: no limit now */
	uint32_t groups;  /* a panic kills process groups */
};

struct imsg_secret {
	uint32_t cpu; /* GET: 1 if the client asks on which the vault runs */
	char	 name[NAME_BYTES]; /* in a DEL also NAME_ALL */
};

struct imsg_put {
	uint64_t size;	  /* bytes to come */
	int64_t	 ttl;	  /* ms; 0: for ever */
	uint32_t reads;	  /* 0: any number */
	uint32_t replace; /* 1: the secret of this name, if there is one */
	char	 name[NAME_BYTES];
};

struct imsg_tether {
	uint32_t index;	  /* TETHERS goes on after it */
	uint32_t holders; /* number of living holders */
	uint32_t lost;
	uint32_t pid; /* of the first holder, as the kernel reports it */
	char	 name[NAME_TETHER_BYTES];
};

enum imsg_event_kind {
	IMSG_EVENT_GUARDED = 1, /* a tether was taken, or is held again */
	IMSG_EVENT_LOST, /* a holder was lost; the last one loses the tether */
	IMSG_EVENT_RELEASED,
	IMSG_EVENT_PENDING,
	IMSG_EVENT_CANCELLED,
	IMSG_EVENT_ARMED,
	IMSG_EVENT_PUT,
	IMSG_EVENT_GOT,
	IMSG_EVENT_GONE,
	IMSG_EVENT_BYE,
	IMSG_EVENTS_KINDS
};

#define IMSG_EVENT_TEXT 96

struct imsg_event {
	uint32_t kind; /* enum imsg_event_kind */
	uint32_t pid;
	int64_t	 ms;		   /* of the grace window */
	char	 name[NAME_BYTES]; /* a secret's or a tether's, or empty */
	char	 why[IMSG_EVENT_TEXT];
};

struct imsg_list {
	uint64_t after; /* a secret's id, a tether's index; 0: the first one */
};

struct imsg_entry {
	uint64_t id; /* for the next LIST */
	uint64_t size;
	int64_t	 left;	/* ms; -1: for ever */
	uint32_t reads; /* 0: any number */
	char	 name[NAME_BYTES];
};

#define IMSG_LOG_BYTES 484 /* of a line's text, with its NUL */

struct imsg_log {
	uint32_t priority; /* syslog(3)'s, without a facility */
	char	 text[IMSG_LOG_BYTES];
};

struct imsg {
	uint32_t type;	 /* enum imsg_type */
	uint32_t peerid; /* network's number for the connection; 0: none */
	union {
		struct imsg_config config;
		struct imsg_number number;
		struct imsg_report report;
		struct imsg_secret secret;
		struct imsg_put	   put;
		struct imsg_list   list;
		struct imsg_tether tether;
		struct imsg_event  event;
		struct imsg_entry  entry;
		struct imsg_log	   log;
	} u;
	int fd; /* -1: none; else the receiver closes it */
};

enum imsg_result {
	IMSG_OK,
	IMSG_NONE, /* there is no message now */
	IMSG_EOF,  /* the other side has ended */
	IMSG_BAD   /* the other side has broken the rules */
};

enum imsg_side { IMSG_FROM_VAULT, IMSG_FROM_NETWORK };

/* The rule for a message type: its sender, its contents and its phases. */
struct imsg_rule {
	const char    *name;
	enum imsg_side from;
	size_t	       size; /* of the payload, exactly */
	unsigned int   fds;  /* descriptors that come with it */
	unsigned int   when; /* phases, IMSG_AT_START and so on */
};

extern const struct imsg_rule imsg_rules[IMSG_TYPES];

bool		 imsg_has_room(int);
int		 imsg_send(int, const struct imsg *, int);
enum imsg_result imsg_recv(int, enum imsg_side, unsigned int, struct imsg *);
const char	*imsg_type_name(uint32_t);

#endif
