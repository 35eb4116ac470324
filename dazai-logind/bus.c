/* SPDX-License-Identifier: ISC */
/*
 * Talks to the login manager, logind, over the system bus: receives the state
 * of the session and the announcement of sleep, and takes the inhibitor that
 * delays sleep.
 *
 * It subscribes to the signals before it asks for the state, so that no change
 * is missed.  Any user may send us signals, so it ignores those whose sender is
 * not the owner of logind's name, as the bus reports it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "bus.h"
#include "clock.h"
#include "exit.h"
#include "tether.h"

#define BUS_LOGIND     "org.freedesktop.login1"
#define BUS_PATH       "/org/freedesktop/login1"
#define BUS_MANAGER    "org.freedesktop.login1.Manager"
#define BUS_SESSION    "org.freedesktop.login1.Session"
#define BUS_DBUS       "org.freedesktop.DBus"
#define BUS_PROPERTIES "org.freedesktop.DBus.Properties"

#define BUS_ANSWER_US 25000000ULL /* for an answer: polkitd(8) may start */
#define BUS_DELAY_US  5000000ULL  /* InhibitDelayMaxSec= if unknown */
#define BUS_WATCH_MS  30000	  /* between questions for the state */
#define BUS_WATCH_US  30000000ULL /* for the answer */

struct bus bus;

static sd_bus *bus_conn;
static bool    bus_inhibits;	   /* --sleep=panic */
static int     bus_inhibitor = -1; /* sleep waits until it is closed */
static char   *bus_owner;	   /* of logind's name, ":1.7" */
static char   *bus_path;	   /* of the session's object */
static int64_t bus_next;	   /* ms: when to ask for its state again */
/* Detects changes of sessions; NULL if that is not possible. */
static sd_login_monitor *bus_monitor;

/*
 * Exits, because without the bus we learn nothing any more.  error is negative,
 * as sd-bus returns it; e may have details, or be NULL.
 */
static noreturn void
bus_fail(const char *what, int error, const sd_bus_error *e)
{
	tether_end(LOG_ERR, EXIT_BUS, "%s: %s", what,
	    e != NULL && e->message != NULL ? e->message : strerror(-error));
}

static bool
bus_is_from(sd_bus_message *m, const char *sender)
{
	const char *from = sd_bus_message_get_sender(m);

	return (from != NULL && sender != NULL && strcmp(from, sender) == 0);
}

/*
 * Questions to the login manager.
 */

/* Closes the inhibitor: from now on the machine may sleep. */
void
bus_allow_sleep(void)
{
	if (bus_inhibitor != -1)
		close(bus_inhibitor);
	bus_inhibitor = -1;
}

/*
 * Takes a new inhibitor, unless --sleep=ignore.  Waits for the login manager,
 * at most BUS_ANSWER_US.
 */
void
bus_inhibit_sleep(void)
{
	sd_bus_error	e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int		fd, rc;

	if (!bus_inhibits)
		return;
	rc = sd_bus_call_method(bus_conn, BUS_LOGIND, BUS_PATH, BUS_MANAGER,
	    "Inhibit", &e, &m, "ssss", "sleep", "dazaid",
	    "Secrets are wiped before the machine sleeps", "delay");
	if (rc >= 0)
		rc = sd_bus_message_read(m, "h", &fd);
	if (rc < 0)
		bus_fail("cannot delay sleep", rc, &e);
	if ((fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		bus_fail("cannot delay sleep", -errno, NULL);
	bus_allow_sleep();
	bus_inhibitor = fd;
	(void)sd_bus_message_unref(m);
}

/* Asks for how long an inhibitor can delay sleep. */
static void
bus_ask_delay(void)
{
	uint64_t us = BUS_DELAY_US;

	(void)sd_bus_get_property_trivial(bus_conn, BUS_LOGIND, BUS_PATH,
	    BUS_MANAGER, "InhibitDelayMaxUSec", NULL, 't', &us);
	bus.delay = us / 1000 < INT32_MAX ? (int64_t)(us / 1000) : INT32_MAX;
}

static void
bus_ask_session(void)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	char	    *state = NULL;
	int	     locked = 0, rc;

	rc = sd_bus_get_property_string(bus_conn, BUS_LOGIND, bus_path,
	    BUS_SESSION, "State", &e, &state);
	if (rc >= 0)
		rc = sd_bus_get_property_trivial(bus_conn, BUS_LOGIND, bus_path,
		    BUS_SESSION, "LockedHint", &e, 'b', &locked);
	if (rc < 0)
		bus_fail(bus.session, rc, &e);
	/* A login manager that was restarted has forgotten Lock. */
	bus.locked = bus.locked || locked != 0;
	bus.ended = strcmp(state, "closing") == 0;
	free(state);
}

/* Finds out who owns logind's name; returns false if nobody does. */
static bool
bus_ask_owner(void)
{
	sd_bus_error	e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	const char     *owner = NULL;

	(void)sd_bus_call_method(bus_conn, BUS_DBUS, "/org/freedesktop/DBus",
	    BUS_DBUS, "GetNameOwner", &e, &m, "s", BUS_LOGIND);
	if (m != NULL)
		(void)sd_bus_message_read(m, "s", &owner);
	free(bus_owner);
	bus_owner = owner != NULL ? strdup(owner) : NULL;
	(void)sd_bus_message_unref(m);
	sd_bus_error_free(&e);
	return (bus_owner != NULL);
}

/* Asks a login manager that has just started for its whole state. */
static void
bus_ask(void)
{
	bus_ask_delay();
	bus_ask_session();
	bus.sleeping = false;
	bus_inhibit_sleep();
	bus.manager = true;
	bus_next = clock_ms(CLOCK_MONOTONIC) + BUS_WATCH_MS;
}

/* Signals of the login manager. */

/*
 * The handlers, as sd_bus_message_handler_t: each notes the content of a signal
 * of the login manager in bus.  If a signal cannot be read, we let go, and ask
 * for the whole state again.
 */

static int
bus_on_sleep(sd_bus_message *m, void *unused, sd_bus_error *e)
{
	int begins;

	(void)unused;
	(void)e;
	if (!bus_is_from(m, bus_owner))
		return (0);
	if (sd_bus_message_read(m, "b", &begins) < 0)
		bus.manager = false;
	else
		bus.sleeping = begins != 0;
	return (0);
}

static int
bus_on_removed(sd_bus_message *m, void *unused, sd_bus_error *e)
{
	const char *session;

	(void)unused;
	(void)e;
	if (!bus_is_from(m, bus_owner))
		return (0);
	if (sd_bus_message_read(m, "s", &session) < 0)
		bus.manager = false;
	else if (strcmp(session, bus.session) == 0)
		bus.ended = true;
	return (0);
}

static int
bus_on_lock(sd_bus_message *m, void *unused, sd_bus_error *e)
{
	(void)unused;
	(void)e;
	if (bus_is_from(m, bus_owner))
		bus.locked = sd_bus_message_is_signal(m, NULL, "Lock") > 0;
	return (0);
}

/* Reads one changed property: its name and a variant. */
static int
bus_property(sd_bus_message *m)
{
	const char *name, *state;
	int	    locked, rc;

	if ((rc = sd_bus_message_read(m, "s", &name)) < 0)
		return (rc);
	if (strcmp(name, "LockedHint") == 0) {
		rc = sd_bus_message_read(m, "v", "b", &locked);
		if (rc >= 0)
			bus.locked = locked != 0;
	} else if (strcmp(name, "State") == 0) {
		rc = sd_bus_message_read(m, "v", "s", &state);
		if (rc >= 0 && strcmp(state, "closing") == 0)
			bus.ended = true;
	} else {
		rc = sd_bus_message_skip(m, "v");
	}
	return (rc);
}

static int
bus_on_properties(sd_bus_message *m, void *unused, sd_bus_error *e)
{
	int rc;

	(void)unused;
	(void)e;
	if (!bus_is_from(m, bus_owner))
		return (0);
	if ((rc = sd_bus_message_skip(m, "s")) >= 0)
		rc = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (rc >= 0 &&
	    (rc = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		if ((rc = bus_property(m)) >= 0)
			rc = sd_bus_message_exit_container(m);
	}
	if (rc < 0)
		bus.manager = false;
	return (0);
}

/*
 * Handles the answer to bus_ask_state().  If there is none in time, or the
 * session is unknown, forgets the state, and asks the login manager for all of
 * it again.
 */
static int
bus_on_state(sd_bus_message *m, void *unused, sd_bus_error *e)
{
	const char *state;

	(void)unused;
	(void)e;
	if (sd_bus_message_read(m, "v", "s", &state) < 0)
		bus.manager = false;
	else if (strcmp(state, "closing") == 0)
		bus.ended = true;
	return (0);
}

/*
 * Asks whether the session is closing.  There is no signal for that, and
 * SessionRemoved comes only after the last process of the session, perhaps this
 * one, has ended.  Does not wait for the answer.
 *
 * Called when a session has changed, and every BUS_WATCH_MS, because a bus or a
 * login manager that is stopped sends no signals.
 */
static void
bus_ask_state(void)
{
	sd_bus_message *m = NULL;
	int		rc;

	bus_next = clock_ms(CLOCK_MONOTONIC) + BUS_WATCH_MS;
	rc = sd_bus_message_new_method_call(bus_conn, &m, BUS_LOGIND, bus_path,
	    BUS_PROPERTIES, "Get");
	if (rc >= 0)
		rc = sd_bus_message_append(m, "ss", BUS_SESSION, "State");
	if (rc >= 0)
		rc = sd_bus_call_async(bus_conn, NULL, m, bus_on_state, NULL,
		    BUS_WATCH_US);
	(void)sd_bus_message_unref(m);
	if (rc < 0)
		bus_fail("the system bus is lost", rc, NULL);
}

/* The login manager has ended, or has come back. */
static int
bus_on_owner(sd_bus_message *m, void *unused, sd_bus_error *e)
{
	const char *name, *before, *now;

	(void)unused;
	(void)e;
	if (!bus_is_from(m, BUS_DBUS) ||
	    sd_bus_message_read(m, "sss", &name, &before, &now) < 0 ||
	    strcmp(name, BUS_LOGIND) != 0)
		return (0);
	free(bus_owner);
	bus_owner = now[0] != '\0' ? strdup(now) : NULL;
	bus.manager = false;
	return (0);
}

/*
 * The start.
 */

/* Makes sd-bus call handler for a signal of the login manager. */
static void
bus_match(const char *path, const char *interface, const char *member,
    sd_bus_message_handler_t handler)
{
	const int rc = sd_bus_match_signal(bus_conn, NULL, BUS_LOGIND, path,
	    interface, member, handler, NULL);

	if (rc < 0)
		bus_fail("the system bus", rc, NULL);
}

/* Asks for the path of the session's object. */
static void
bus_find_session(void)
{
	sd_bus_error	e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	const char     *path;
	int		rc;

	rc = sd_bus_call_method(bus_conn, BUS_LOGIND, BUS_PATH, BUS_MANAGER,
	    "GetSession", &e, &m, "s", bus.session);
	if (rc >= 0 && (rc = sd_bus_message_read(m, "o", &path)) >= 0 &&
	    (bus_path = strdup(path)) == NULL)
		rc = -ENOMEM;
	if (rc < 0)
		bus_fail(bus.session, rc, &e);
	(void)sd_bus_message_unref(m);
}

/*
 * Returns the id of our session.  If we are in none, because the user manager
 * has started us, returns that of the user's graphical session.
 */
static const char *
bus_own_session(void)
{
	char *session = NULL;

	if (sd_pid_get_session(0, &session) >= 0)
		return (session);
	session = getenv("XDG_SESSION_ID");
	if (session != NULL && session[0] != '\0')
		return (session);
	if (sd_uid_get_display(getuid(), &session) >= 0)
		return (session);
	tether_end(LOG_ERR, EXIT_BUS, "not in a login session, see --session");
}

/*
 * Connects to the login manager, and asks for the state of the session; NULL:
 * our own.  If inhibits is set, delays sleep.  Exits on an error.
 */
void
bus_open(const char *session, bool inhibits)
{
	int rc;

	bus_inhibits = inhibits;
	bus.session = session != NULL ? session : bus_own_session();
	if ((rc = sd_bus_open_system(&bus_conn)) < 0 ||
	    (rc = sd_bus_set_method_call_timeout(bus_conn, BUS_ANSWER_US)) < 0)
		bus_fail("the system bus", rc, NULL);
	rc = sd_bus_add_match(bus_conn, NULL,
	    "type='signal',sender='" BUS_DBUS "',interface='" BUS_DBUS
	    "',member='NameOwnerChanged',arg0='" BUS_LOGIND "'",
	    bus_on_owner, NULL);
	if (rc < 0)
		bus_fail("the system bus", rc, NULL);
	bus_match(BUS_PATH, BUS_MANAGER, "PrepareForSleep", bus_on_sleep);
	bus_match(BUS_PATH, BUS_MANAGER, "SessionRemoved", bus_on_removed);
	bus_find_session();
	bus_match(bus_path, BUS_SESSION, "Lock", bus_on_lock);
	bus_match(bus_path, BUS_SESSION, "Unlock", bus_on_lock);
	bus_match(bus_path, BUS_PROPERTIES, "PropertiesChanged",
	    bus_on_properties);
	if (sd_login_monitor_new("session", &bus_monitor) < 0)
		bus_monitor = NULL;
	if (!bus_ask_owner())
		bus_fail("the login manager", -ENOENT, NULL);
	bus_ask();
	if (bus.ended)
		bus_fail(bus.session, -ESHUTDOWN, NULL);
}

/*
 * Fills in BUS_PFD entries.  Returns the time until which to poll, in ms of
 * CLOCK_MONOTONIC; -1: for ever.
 */
int64_t
bus_poll(struct pollfd *pfd)
{
	const int events = sd_bus_get_events(bus_conn);
	uint64_t  us;
	int64_t	  ms, next;

	pfd[0] = (struct pollfd){ sd_bus_get_fd(bus_conn),
		(short)(events > 0 ? events : POLLIN), 0 };
	pfd[1] = (struct pollfd){ -1, POLLIN, 0 };
	if (bus_monitor != NULL)
		pfd[1].fd = sd_login_monitor_get_fd(bus_monitor);
	if (!bus.manager && bus_owner != NULL)
		return (0); /* now, to ask for the state */
	next = bus.manager ? bus_next : -1;
	if (sd_bus_get_timeout(bus_conn, &us) < 0 || us == UINT64_MAX)
		return (next);
	ms = (int64_t)(us / 1000);
	return (next != -1 && next < ms ? next : ms);
}

/*
 * Handles the results of poll(2), and at most one message.  If the connection
 * is lost, lets go and exits.  The caller must act on changes before it calls
 * this again, so that the tether is not held while we ask a login manager that
 * has come back, which may take a while.
 */
void
bus_turn(const struct pollfd *pfd)
{
	int rc;

	if (pfd[1].revents != 0)
		(void)sd_login_monitor_flush(bus_monitor);
	if (bus.manager &&
	    (pfd[1].revents != 0 || bus_next <= clock_ms(CLOCK_MONOTONIC)))
		bus_ask_state();
	if (!bus.manager && bus_owner != NULL) {
		bus_ask();
		return;
	}
	if ((rc = sd_bus_process(bus_conn, NULL)) >= 0 &&
	    sd_bus_is_open(bus_conn) <= 0)
		rc = -ENOTCONN;
	if (rc < 0)
		bus_fail("the system bus is lost", rc, NULL);
}
