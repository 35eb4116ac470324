/* SPDX-License-Identifier: ISC */
/*
 * Messages between vault and network, over a SOCK_SEQPACKET socketpair: each
 * packet is one message, so no framing is needed.  One table says which side
 * may send which message in which phase.  imsg_recv() checks a message against
 * it.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "imsg.h"

struct imsg_hdr {
	uint32_t type;
	uint32_t len; /* of the whole packet */
	uint32_t peerid;
};

#define IMSG_MOST_FDS 253 /* in one packet: the kernel's SCM_MAX_FD */

union imsg_control {
	struct cmsghdr align;
	char	       space[CMSG_SPACE(sizeof(int))];
};

union imsg_controls {
	struct cmsghdr align;
	char	       space[CMSG_SPACE(IMSG_MOST_FDS * sizeof(int))];
};

#define ANY    (IMSG_AT_START | IMSG_UNGUARDED | IMSG_GUARDED | IMSG_DROPPED)
#define CTL    (IMSG_UNGUARDED | IMSG_GUARDED | IMSG_DROPPED)
#define CONFIG sizeof(struct imsg_config)
#define NUMBER sizeof(struct imsg_number)
#define REPORT sizeof(struct imsg_report)
#define SECRET sizeof(struct imsg_secret)
#define PUT    sizeof(struct imsg_put)
#define ENTRY  sizeof(struct imsg_entry)
#define LIST   sizeof(struct imsg_list)
#define LOG    sizeof(struct imsg_log)
#define TETHER sizeof(struct imsg_tether)
#define EVENT  sizeof(struct imsg_event)

const struct imsg_rule imsg_rules[IMSG_TYPES] = {
	[IMSG_CONFIG] = { "CONFIG", IMSG_FROM_VAULT, CONFIG, 0, IMSG_AT_START },
	[IMSG_LISTENER] = { "LISTENER", IMSG_FROM_VAULT, NUMBER, 1,
	    IMSG_AT_START },
	[IMSG_WELCOME] = { "WELCOME", IMSG_FROM_VAULT, NUMBER, 0,
	    IMSG_UNGUARDED },
	[IMSG_HOLDING] = { "HOLDING", IMSG_FROM_VAULT, NUMBER, 0, CTL },
	[IMSG_PONG] = { "PONG", IMSG_FROM_VAULT, NUMBER, 0, ANY },
	[IMSG_CANCELLED] = { "CANCELLED", IMSG_FROM_VAULT, 0, 0, ANY },
	[IMSG_NOTHING_PENDING] = { "NOTHING-PENDING", IMSG_FROM_VAULT, 0, 0,
	    ANY },
	[IMSG_STILL_LOST] = { "STILL-LOST", IMSG_FROM_VAULT, TETHER, 0, CTL },
	[IMSG_BYE] = { "BYE", IMSG_FROM_VAULT, 0, 0, ANY },
	[IMSG_DROP] = { "DROP", IMSG_FROM_VAULT, 0, 0, ANY },
	[IMSG_ANSWER] = { "ANSWER", IMSG_FROM_VAULT, NUMBER, 0, CTL },
	[IMSG_REPORT] = { "REPORT", IMSG_FROM_VAULT, REPORT, 0, CTL },
	[IMSG_ENTRY] = { "ENTRY", IMSG_FROM_VAULT, ENTRY, 0, CTL },
	[IMSG_TETHER] = { "TETHER", IMSG_FROM_VAULT, TETHER, 0, CTL },
	[IMSG_EVENT] = { "EVENT", IMSG_FROM_VAULT, EVENT, 0, CTL },
	[IMSG_LOG] = { "LOG", IMSG_FROM_VAULT, LOG, 0, ANY },

	[IMSG_READY] = { "READY", IMSG_FROM_NETWORK, 0, 0, IMSG_AT_START },
	[IMSG_SIGNAL] = { "SIGNAL", IMSG_FROM_NETWORK, NUMBER, 0, ANY },
	[IMSG_HELLO] = { "HELLO", IMSG_FROM_NETWORK, NUMBER, 1,
	    IMSG_UNGUARDED },
	[IMSG_PING] = { "PING", IMSG_FROM_NETWORK, NUMBER, 0, CTL },
	[IMSG_CANCEL] = { "CANCEL", IMSG_FROM_NETWORK, 0, 0, CTL },
	[IMSG_WATCH] = { "WATCH", IMSG_FROM_NETWORK, NUMBER, 0, CTL },
	[IMSG_QUIT] = { "QUIT", IMSG_FROM_NETWORK, 0, 0, CTL },
	[IMSG_LOST] = { "LOST", IMSG_FROM_NETWORK, 0, 0, CTL },

	[IMSG_STATUS] = { "STATUS", IMSG_FROM_NETWORK, 0, 0, CTL },
	[IMSG_ARM] = { "ARM", IMSG_FROM_NETWORK, 0, 0, CTL },
	[IMSG_LIST] = { "LIST", IMSG_FROM_NETWORK, LIST, 0, CTL },
	[IMSG_TETHERS] = { "TETHERS", IMSG_FROM_NETWORK, LIST, 0, CTL },
	[IMSG_REGISTER] = { "REGISTER", IMSG_FROM_NETWORK, NUMBER, 1, CTL },
	[IMSG_UNREGISTER] = { "UNREGISTER", IMSG_FROM_NETWORK, NUMBER, 1, CTL },
	[IMSG_PUT] = { "PUT", IMSG_FROM_NETWORK, PUT, 1, CTL },
	[IMSG_GET] = { "GET", IMSG_FROM_NETWORK, SECRET, 1, CTL },
	[IMSG_DEL] = { "DEL", IMSG_FROM_NETWORK, SECRET, 1, CTL },
	[IMSG_HOLD] = { "HOLD", IMSG_FROM_NETWORK, TETHER, 1, CTL },
	[IMSG_RELEASE] = { "RELEASE", IMSG_FROM_NETWORK, TETHER, 1, CTL },
	[IMSG_EVENTS] = { "EVENTS", IMSG_FROM_NETWORK, NUMBER, 0, CTL },
	[IMSG_PANIC] = { "PANIC", IMSG_FROM_NETWORK, NUMBER, 0, CTL },
};

/* The name of a message type, for the log; a static string. */
const char *
imsg_type_name(uint32_t type)
{
	if (type == 0 || type >= IMSG_TYPES)
		return ("unknown message");
	return (imsg_rules[type].name);
}

/*
 * Sends im on fd as one packet, with im->fd if the type has a descriptor; both
 * stay the caller's.  flags are as in send(2).  Returns -1 with errno.
 */
int
imsg_send(int fd, const struct imsg *im, int flags)
{
	const struct imsg_rule *rule = &imsg_rules[im->type];
	union imsg_control	control;
	struct imsg_hdr		hdr;
	struct imsg		copy = *im; /* an iovec is not const */
	struct iovec		iov[2];
	struct msghdr		msg;
	struct cmsghdr	       *cmsg;

	hdr.type = im->type;
	hdr.len = (uint32_t)(sizeof(hdr) + rule->size);
	hdr.peerid = im->peerid;
	iov[0].iov_base = &hdr;
	iov[0].iov_len = sizeof(hdr);
	iov[1].iov_base = &copy.u;
	iov[1].iov_len = rule->size;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	if (rule->fds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &im->fd, sizeof(int));
	}
	return (sendmsg(fd, &msg, flags | MSG_NOSIGNAL) == -1 ? -1 : 0);
}

/*
 * Returns whether the socket fd has room for a message that may be dropped:
 * three quarters of it must be free, which is what POLLOUT means for a Unix
 * socket.  The rest is reserved for the vault's answers: if one does not fit,
 * network counts as lost.  Async-signal-safe.
 */
bool
imsg_has_room(int fd)
{
	const struct timespec at_once = { 0, 0 };
	struct pollfd	      pfd = { .fd = fd, .events = POLLOUT };

	return (ppoll(&pfd, 1, &at_once, NULL) == 1 && pfd.revents == POLLOUT);
}

/* Returns how many descriptors came with msg; *fd is the first, or -1. */
static size_t
imsg_descriptors(struct msghdr *msg, int *fd)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	*fd = -1;
	if (cmsg == NULL || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len < CMSG_LEN(sizeof(int)))
		return (0);
	memcpy(fd, CMSG_DATA(cmsg), sizeof(int));
	return ((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

/*
 * Returns whether the table allows a packet of n bytes with this header and
 * this number of descriptors.
 */
static int
imsg_allowed(const struct imsg_hdr *hdr, size_t n, enum imsg_side from,
    unsigned int phase, size_t fds)
{
	const struct imsg_rule *rule;

	if (n < sizeof(*hdr) || hdr->len != n || hdr->type == 0 ||
	    hdr->type >= IMSG_TYPES)
		return (0);
	rule = &imsg_rules[hdr->type];
	return (rule->from == from && (rule->when & phase) != 0 &&
	    n == sizeof(*hdr) + rule->size && fds == rule->fds);
}

/*
 * Receives one message on fd; never blocks.  from is the other side, and phase
 * one of IMSG_AT_START and so on.  Returns IMSG_BAD for a packet that the table
 * does not allow, whose size is not the one in its header, or that has too many
 * or too few descriptors.  If the packet was long enough, im->type is set then.
 *
 * If the other side died with data of ours unread, the first recvmsg(2) fails
 * with ECONNRESET: that is IMSG_EOF as well.
 *
 * After IMSG_BAD the caller panics, which must not wait.  close(2) of a
 * descriptor can block for as long as its owner likes (SO_LINGER), so the
 * descriptors of a bad packet stay open.  The buffer has room for all of them,
 * because recvmsg(2) would close those that do not fit.
 */
enum imsg_result
imsg_recv(int fd, enum imsg_side from, unsigned int phase, struct imsg *im)
{
	union imsg_controls control;
	struct imsg_hdr	    hdr;
	struct iovec	    iov[2];
	struct msghdr	    msg;
	size_t		    fds;
	ssize_t		    n;

	memset(&hdr, 0, sizeof(hdr));
	memset(im, 0, sizeof(*im));
	iov[0].iov_base = &hdr;
	iov[0].iov_len = sizeof(hdr);
	iov[1].iov_base = &im->u;
	iov[1].iov_len = sizeof(im->u);
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);

	n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (IMSG_NONE);
	if (n == -1 || (n == 0 && msg.msg_controllen == 0))
		return (IMSG_EOF);
	im->type = hdr.type;
	im->peerid = hdr.peerid;
	fds = imsg_descriptors(&msg, &im->fd);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    !imsg_allowed(&hdr, (size_t)n, from, phase, fds)) {
		im->fd = -1;
		return (IMSG_BAD);
	}
	return (IMSG_OK);
}
