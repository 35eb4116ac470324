/* SPDX-License-Identifier: ISC */
/*
 * Serves the clients of the control socket: checks each request from network
 * again, executes it, and answers it.  transfer.c moves the bytes of a secret,
 * after the kernel has confirmed the client's uid.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "event.h"
#include "holder.h"
#include "log.h"
#include "name.h"
#include "num.h"
#include "registry.h"
#include "serve.h"
#include "store.h"
#include "transfer.h"
#include "vault.h"

#define SERVE_TTL_MAX (NUM_MAX_SECONDS * 1000)

static void
serve_status(uint32_t peerid)
{
	const struct session_holder *h = &v.session.holders[SESSION_HEARTBEAT];
	const struct panic	    *p = &v.panic;
	const bool		     guarded = session_guarded(&v.session);
	struct imsg		     im;
	struct imsg_report	    *s = &im.u.report;

	memset(&im, 0, sizeof(im));
	im.type = IMSG_REPORT;
	im.peerid = peerid;
	s->grace = p->grace;
	s->left = p->pending ? p->due - vault_now() : 0;
	s->since = guarded ? v.since : 0;
	s->size = v.mem.size;
	s->room = store_room(&v.store);
	s->heartbeat = h->state == SESSION_LIVE ||
		h->state == SESSION_HUNG_UP || h->state == SESSION_DRAINED ?
	    (uint32_t)h->pid :
	    0;
	s->memory = (uint32_t)v.mem.kind;
	s->secrets = v.store.count;
	s->registered = registry_count();
	s->armed = p->armed;
	s->guarded = guarded;
	s->pending = p->pending;
	s->tethers = session_count(&v.session);
	s->timeout = v.session.timeout;
	s->first = session_first_left(&v.session, vault_now());
	s->groups = registry_groups();
	vault_send(&im);
}

static void
serve_arm(uint32_t peerid)
{
	const bool armed = panic_arm(&v.panic);

	if (armed) {
		log_info("armed");
		event_send(IMSG_EVENT_ARMED, NULL, 0, 0, NULL);
	}
	vault_answer(peerid,
	    armed ? IMSG_ANSWER_OK : IMSG_ANSWER_ALREADY_ARMED);
}

/*
 * LIST: sends network the secret after the id after, or a message that there is
 * none.
 */
static void
serve_list(uint32_t peerid, uint64_t after)
{
	struct store_item  item;
	struct imsg	   im;
	struct imsg_entry *e = &im.u.entry;

	if (!store_next(&v.store, after, &item)) {
		vault_answer(peerid, IMSG_ANSWER_OK);
		return;
	}
	memset(&im, 0, sizeof(im));
	im.type = IMSG_ENTRY;
	im.peerid = peerid;
	e->id = item.id;
	e->size = item.len;
	e->reads = item.reads;
	e->left = item.due - vault_now();
	if (item.due == STORE_NEVER)
		e->left = -1;
	else if (e->left < 0)
		e->left = 0; /* expires in this turn; -1 is for ever */
	memcpy(e->name, item.name, sizeof(e->name));
	vault_send(&im);
}

static void
serve_register(const struct imsg *im, const struct ucred *who)
{
	const pid_t	 pid = im->u.number.n == 0 ? who->pid :
						     (pid_t)im->u.number.n;
	const bool	 itself = pid == who->pid && who->uid == v.owner;
	enum imsg_answer answer = IMSG_ANSWER_OK;

	/* Process 1 cannot be registered: its death would end the system. */
	if (pid <= 1 || pid == v.self || pid == v.network)
		answer = IMSG_ANSWER_INVALID_PID;
	else if (!vault_has_fd() && !registry_has(pid))
		answer = IMSG_ANSWER_BUSY;
	else if (registry_add(pid, itself ? im->fd : -1) == -1)
		answer = errno == ENOSPC ? IMSG_ANSWER_BUSY :
					   IMSG_ANSWER_INVALID_PID;
	vault_answer(im->peerid, answer);
}

/* Reserves room for the secret of the PUT im.  Returns as store_begin(). */
static uint64_t
serve_begin(const struct imsg_put *put)
{
	/* More than a size_t of 32 bits can count: too large in any case. */
	const size_t size = put->size < STORE_ALL ? (size_t)put->size :
						    STORE_ALL - 1;

	return (put->replace != 0 ? store_replace(&v.store, put->name, size) :
				    store_begin(&v.store, put->name, size));
}

static void
serve_put(const struct imsg *im)
{
	const struct imsg_put *put = &im->u.put;
	struct transfer	      *t = NULL;
	uint64_t	       id = 0;

	if (v.panic.pending)
		vault_answer(im->peerid, IMSG_ANSWER_PENDING);
	else if (!vault_has_fd() || (t = transfer_slot()) == NULL)
		vault_answer(im->peerid, IMSG_ANSWER_BUSY);
	else if ((id = serve_begin(put)) == 0)
		vault_answer(im->peerid,
		    errno == EEXIST    ? IMSG_ANSWER_EXISTS :
			errno == EFBIG ? IMSG_ANSWER_TOO_LARGE :
					 IMSG_ANSWER_FULL);
	if (id == 0)
		close(im->fd);
	else
		transfer_put(t, im->fd, im->peerid, id, put, vault_now());
}

/*
 * Starts to send the secret of the GET im, in the free slot t.  Returns the id
 * of the secret; 0 if there is none of this name.  Unseals the arena once for
 * all steps.
 */
static uint64_t
serve_hand_out(const struct imsg *im, struct transfer *t)
{
	uint64_t id;
	size_t	 len = 0;

	secmem_unseal(&v.mem);
	id = store_take(&v.store, im->u.secret.name, &len);
	if (id != 0)
		transfer_get(t, im, id, len, vault_now());
	secmem_seal(&v.mem);
	return (id);
}

/*
 * Tells the watchers that a client got the secret id, called name, and if that
 * was the last read.
 */
static void
serve_report_got(uint64_t id, const char *name)
{
	struct store_item item;

	if (!event_wanted())
		return;
	event_send(IMSG_EVENT_GOT, name, 0, 0, NULL);
	if (!store_next(&v.store, id - 1, &item) || item.id != id)
		event_send(IMSG_EVENT_GONE, name, 0, 0, "read");
}

/* GET.  Refused from the first trigger of a panic until a cancel. */
static void
serve_get(const struct imsg *im)
{
	const bool	 gives = vault_may_give();
	enum imsg_answer refusal = IMSG_ANSWER_NO_SUCH_SECRET;
	struct transfer *t;
	uint64_t	 id;

	if (v.panic.pending)
		refusal = IMSG_ANSWER_PENDING;
	else if (!gives)
		refusal = IMSG_ANSWER_UNGUARDED;
	else if (!vault_has_fd() || (t = transfer_slot()) == NULL)
		refusal = IMSG_ANSWER_BUSY;
	else if ((id = serve_hand_out(im, t)) != 0) {
		serve_report_got(id, im->u.secret.name);
		return;
	}
	vault_answer(im->peerid, refusal);
	close(im->fd);
}

static bool
serve_is_all(const char *name)
{
	return (memcmp(name, NAME_ALL, sizeof(NAME_ALL)) == 0);
}

/* DEL: wipes one secret; or every one, even those that are being put. */
static void
serve_del(const struct imsg *im)
{
	const char *name = im->u.secret.name;
	int	    rc = 0;

	if (serve_is_all(name))
		store_clear(&v.store);
	else
		rc = store_delete(&v.store, name);
	transfer_cut_gone();
	if (rc == 0)
		event_send(IMSG_EVENT_GONE, name, 0, 0, "deleted");
	vault_answer(im->peerid,
	    rc == 0 ? IMSG_ANSWER_OK : IMSG_ANSWER_NO_SUCH_SECRET);
}

/*
 * Serves a request that comes with the client's descriptor, and closes or keeps
 * the descriptor.  Returns false if network must be hostile.
 */
static bool
serve_client(const struct imsg *im)
{
	struct ucred who;

	if (!vault_knows(im->fd, FILES_CONTROL, &who))
		return (false);
	switch (im->type) {
	case IMSG_PUT:
		serve_put(im);
		return (true);
	case IMSG_GET:
		serve_get(im);
		return (true);
	case IMSG_DEL:
		serve_del(im);
		break;
	case IMSG_REGISTER:
		serve_register(im, &who);
		break;
	case IMSG_UNREGISTER:
		vault_answer(im->peerid,
		    registry_remove((pid_t)im->u.number.n) == 0 ?
			IMSG_ANSWER_OK :
			IMSG_ANSWER_INVALID_PID);
		break;
	}
	close(im->fd);
	return (true);
}

static bool
serve_name_ok(const char *name)
{
	return (memchr(name, '\0', NAME_BYTES) != NULL && name_ok(name));
}

/*
 * Returns whether im is valid.  Network should have checked that; if im is not
 * valid, network is hostile.
 */
static bool
serve_sane(const struct imsg *im)
{
	switch (im->type) {
	case IMSG_PUT:
		return (serve_name_ok(im->u.put.name) && im->u.put.size > 0 &&
		    im->u.put.size < INT64_MAX && im->u.put.ttl >= 0 &&
		    im->u.put.ttl <= SERVE_TTL_MAX && im->u.put.replace <= 1);
	case IMSG_DEL:
		return ((serve_is_all(im->u.secret.name) ||
			    serve_name_ok(im->u.secret.name)) &&
		    im->u.secret.cpu == 0);
	case IMSG_GET:
		return (
		    serve_name_ok(im->u.secret.name) && im->u.secret.cpu <= 1);
	default:
		return (true);
	}
}

/*
 * Serves a request of a control client, and closes or keeps the descriptor that
 * came with im.  Returns false if network must be hostile.  The descriptor then
 * stays open, because close(2) could block, and the vault must panic.
 */
bool
serve_request(const struct imsg *im)
{
	if (!serve_sane(im))
		return (false);
	switch (im->type) {
	case IMSG_STATUS:
		serve_status(im->peerid);
		break;
	case IMSG_ARM:
		serve_arm(im->peerid);
		break;
	case IMSG_TETHERS:
		holder_tethers(im->peerid, im->u.list.after);
		break;
	case IMSG_LIST:
		serve_list(im->peerid, im->u.list.after);
		break;
	default:
		return (serve_client(im));
	}
	return (true);
}
