/* SPDX-License-Identifier: ISC */
/*
 * Draws everything that happens in a life from its random numbers before it
 * begins: each client is a walk through time that leaves acts.  The acts do not
 * depend on what the daemon answers.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

#define LARGE	    (GUARDS + 7) /* a client with large secrets */
#define LEAST_LARGE 1000000

/* One of the elements of the array a. */
#define PICK(a) ((a)[rng_below(sizeof(a) / sizeof((a)[0]))])

/* One heartbeat, many and large secrets, one trigger; or else everything. */
static bool calm;

static struct act *
plan_add(enum kind deed, usec at, int who)
{
	static struct act none;
	struct act	 *a = &none;

	if (l.nacts < ACTS && at < l.setup.span)
		a = &l.acts[l.nacts++];
	memset(a, 0, sizeof(*a));
	a->order = l.nacts;
	a->deed = deed;
	a->at = at;
	a->who = who;
	a->fresh = rng_chance(30);
	a->other = rng_chance(50);
	a->rude = rng_chance(10);
	return (a);
}

static usec
plan_ms(uint64_t from, uint64_t to)
{
	return ((usec)rng_range(from * MS, to * MS));
}

static void
plan_setup(bool root)
{
	static const size_t sizes[] = { 4096, 5000, 65536, 65536, 300000,
		2500000 };
	struct setup	   *s = &l.setup;

	s->armed = rng_chance(75);
	s->grace = rng_chance(20) ? 0 : (usec)rng_range(20, 1200) * MS;
	s->timeout = rng_chance(60) ? 0 : (usec)rng_range(150, 1200) * MS;
	s->size = PICK(sizes);
	s->verbose = rng_chance(25);
	s->other = rng_chance(30) && root;
	s->span = rng_chance(40) ? plan_ms(20, 300) : plan_ms(300, 2500);
	calm = rng_chance(20);
	if (calm) {
		s->armed = true;
		s->timeout = 0;
		s->grace += plan_ms(300, 600) / MS * MS;
		s->span = plan_ms(800, 2000);
		s->size = rng_chance(60) ? 2500000 : s->size;
	}
}

/* Says something as a heartbeat, or as a holder. */
static void
plan_say(usec at, int who)
{
	static const enum kind deeds[] = { K_PING, K_PING, K_PING, K_PING,
		K_PING, K_CANCEL, K_CANCEL, K_WATCH };

	plan_add(PICK(deeds), at, who)->n = (int)rng_below(KIDS);
}

/*
 * A heartbeat, or a holder of the tether, and perhaps another one in the same
 * slot after its end.  Some stop sending PINGs and miss their deadline.
 */
static void
plan_guard(int who, int tether, usec at)
{
	const usec pace = l.setup.timeout != 0 && rng_chance(85) ?
	    l.setup.timeout / 3 :
	    plan_ms(5, 300);
	usec	   end, until;

	while (at < l.setup.span) {
		plan_add(K_HOLD, at, who)->n = tether;
		end = rng_chance(55) ? l.setup.span : at + plan_ms(10, 1500);
		until = rng_chance(85) ? end : at + plan_ms(10, 800);
		for (; at < until; at += (usec)rng_range(1, (uint64_t)pace * 2))
			plan_say(at + 5 * MS, who);
		if (tether == 0 && rng_chance(8))
			(void)plan_add(K_QUIT, end, who);
		(void)plan_add(D_CLOSE, end, who);
		at = end + plan_ms(0, 600);
	}
}

/* Holders of one tether or several. */
static void
plan_holders(void)
{
	const uint64_t tethers = rng_range(1, TETHERS - 1);
	int	       i;

	for (i = 0; i < (calm ? 2 : HOLDERS) && rng_chance(85); i++)
		plan_guard(HEARTS + i, 1 + (int)rng_below(tethers),
		    calm ? 0 : plan_ms(0, 800));
}

/* Most secrets are small; some are about as large as the arena. */
static size_t
plan_size(void)
{
	const size_t most = l.setup.size;

	switch (rng_below(12)) {
	case 0:
		return ((size_t)rng_range(1, 20));
	case 1:
		return ((size_t)rng_range(most - 300, most + 100));
	case 2:
		return ((size_t)rng_range(1, most));
	case 3:
	case 4:
		return ((size_t)rng_range(1, most / 2));
	default:
		return ((size_t)rng_range(8, 3000));
	}
}

static void
plan_transfer(enum kind deed, usec at, int who, int names)
{
	struct act *a = plan_add(deed, at, who);

	a->n = (int)rng_below((uint64_t)names);
	a->manner = rng_chance(60) ? WHOLE : (enum manner)rng_below(MANNERS);
	a->size = plan_size();
	a->at_byte = (size_t)rng_below(a->size);
	a->reads = rng_chance(40) ? (uint32_t)rng_range(1, 3) : 0;
	a->ttl = rng_chance(20) ? plan_ms(1, 600) / MS * MS : 0;
}

/* A client of the control socket, with a preference for one kind of request. */
static void
plan_control(int i)
{
	static const enum kind deeds[] = { K_PUT, K_PUT, K_GET, K_GET, K_GET,
		K_DEL, K_STATUS, K_STATUS, K_STATUS, K_REGISTER, K_UNREGISTER,
		D_CLOSE };
	const uint64_t	       pace = rng_range(2, calm ? 20 : 120);
	const int	       names = (int)rng_range(1, NAMES - 1);
	const enum kind	       lean = deeds[i < 2 ? i * 2 : (int)rng_below(10)];
	const int	       who = GUARDS + i;
	enum kind	       deed;
	usec		       at;

	for (at = plan_ms(0, 100); at < l.setup.span; at += plan_ms(0, pace)) {
		deed = rng_chance(60) ? lean : PICK(deeds);
		if (deed == K_REGISTER || deed == K_UNREGISTER)
			plan_add(deed, at, who)->n = (int)rng_below(KIDS);
		else
			plan_transfer(deed, at, who, names);
	}
}

static void
plan_signal(enum kind deed, usec at, int sig)
{
	plan_add(deed, at, 0)->n = sig;
}

/* Stops one of the two processes, network sometimes for good. */
static void
plan_stop(void)
{
	const bool	network = rng_chance(65);
	const enum kind deed = network ? D_SIGNAL_NETWORK : D_SIGNAL_VAULT;
	const usec	at = (usec)rng_below((uint64_t)l.setup.span);

	plan_signal(deed, at, SIGSTOP);
	if (!network || rng_chance(60))
		plan_signal(deed, at + plan_ms(1, 400), SIGCONT);
}

/* A large secret, put at once and read when the trigger comes. */
static void
plan_large(usec at)
{
	struct act *a;
	int	    i;

	a = plan_add(K_PUT, 0, LARGE);
	a->n = NAMES - 1;
	a->size = l.setup.size - 1000 - (size_t)rng_below(200000);
	for (i = 0; i < 2; i++) {
		a = plan_add(K_GET, at - plan_ms(5, 60), LARGE + i);
		a->n = NAMES - 1;
		a->manner = PIECES;
	}
	for (i = 1; i < 6; i++)
		(void)plan_add(K_STATUS, at + i * (10 * MS), ORDERER);
}

/* A heartbeat that does nothing else, and a trigger while much is under way. */
static void
plan_calm(void)
{
	const usec at = l.setup.span * 2 / 3;

	if (l.setup.size > LEAST_LARGE)
		plan_large(at);

	(void)plan_add(K_HOLD, 0, 0);
	if (rng_chance(50))
		plan_signal(D_SIGNAL_VAULT, at, SIGUSR1);
	else
		(void)plan_add(K_PANIC, at, ORDERER);
	if (rng_chance(20))
		(void)plan_add(K_CANCEL, at + plan_ms(1, 300), 0);
}

/* Triggers, often more than one, so that the second finds the first pending. */
static void
plan_triggers(void)
{
	static const int sigs[] = { SIGUSR1, SIGUSR1, SIGHUP, SIGUSR1, SIGHUP,
		SIGUSR2, SIGTERM, SIGINT, SIGQUIT, SIGKILL };
	const enum kind	 deeds[] = { D_SIGNAL_VAULT, D_SIGNAL_VAULT,
		 D_SIGNAL_NETWORK, K_PANIC, K_PANIC };
	usec		 at = (usec)rng_below((uint64_t)l.setup.span);
	enum kind	 deed;
	int		 i, n = (int)rng_range(1, 4);

	for (i = 0; i < n; i++) {
		deed = PICK(deeds);
		if (deed == K_PANIC && rng_chance(8))
			deed = K_HARD;
		plan_add(deed, at, ORDERER)->n = sigs[rng_below(
		    rng_chance(85) ? 5 : sizeof(sigs) / sizeof(sigs[0]))];
		at += plan_ms(0, 400);
	}
}

/* Ends a life in which no act ended the daemon. */
static void
plan_last(void)
{
	static const int sigs[] = { SIGUSR1, SIGHUP, SIGUSR2, SIGQUIT, SIGTERM,
		SIGINT, SIGKILL, SIGKILL, SIGKILL };
	static const enum kind deeds[] = { D_CLOSE, D_CLOSE, D_CLOSE, K_QUIT,
		D_SIGNAL_VAULT, D_SIGNAL_VAULT, D_SIGNAL_NETWORK,
		D_SIGNAL_NETWORK, K_PANIC, K_HARD };

	memset(&l.last, 0, sizeof(l.last));
	l.last.deed = PICK(deeds);
	l.last.n = PICK(sigs);
	l.last.who = l.last.deed == K_PANIC || l.last.deed == K_HARD ? ORDERER :
								       0;
	l.last.fresh = l.last.rude = true;
}

/* Sorts by time; at the same time, in the order of the plan. */
static int
plan_compare(const void *va, const void *vb)
{
	const struct act *a = va, *b = vb;

	if (a->at != b->at)
		return (a->at < b->at ? -1 : 1);
	return (a->order < b->order ? -1 : 1);
}

/* All clients, and what is done to the daemon itself. */
static void
plan_stormy(void)
{
	if (rng_chance(15)) {
		/* The first heartbeat finds a panic that it cannot end. */
		(void)plan_add(K_PANIC, plan_ms(0, 200), ORDERER);
		plan_guard(0, 0, plan_ms(50, 400));
	} else if (rng_chance(90)) {
		plan_guard(0, 0, plan_ms(0, 20));
	}
	if (rng_chance(60))
		plan_guard(1, 0, plan_ms(0, 800));
	if (rng_chance(30))
		plan_guard(2, 0, plan_ms(0, 1500));
	if (rng_chance(30))
		plan_stop();
	if (rng_chance(60))
		plan_triggers();
}

void
plan_life(bool root)
{
	int i, n;

	plan_setup(root);
	if (calm)
		plan_calm();
	else
		plan_stormy();
	if (rng_chance(calm ? 30 : 70))
		plan_holders();
	n = (int)rng_range(1, calm ? LARGE - GUARDS : CONTROLS - 1);
	for (i = 0; i < n; i++)
		plan_control(i);
	for (i = 0; i < KIDS; i++) {
		if (rng_chance(20))
			plan_add(D_KILL_KID, plan_ms(0, 2000), 0)->n = i;
	}
	plan_last();
	qsort(l.acts, (size_t)l.nacts, sizeof(l.acts[0]), plan_compare);
}
