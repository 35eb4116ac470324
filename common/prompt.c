/* SPDX-License-Identifier: ISC */
/*
 * Asks for a secret on the terminal, without echo.  The caller waits for the
 * input, and reads it into an arena.
 *
 * Ctrl-Z gives the terminal to the shell.  From then on the shell reads the
 * input, and read(2) here fails with EIO.  When the shell gives the terminal
 * back, we ask again.  The shell announces that by SIGCONT, but may send none
 * to a job that was not stopped, such as one in the background.
 */
#include <sys/timerfd.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "prompt.h"

#define PROMPT_TEXT  256       /* bytes of a question */
#define PROMPT_LOOK  200000000 /* ns: how often we look for the terminal */
#define PROMPT_TRIES 10	       /* reads that may fail with EIO in a row */

static struct {
	volatile int	      fd; /* the terminal of an open question, or -1 */
	int		      timer;  /* of prompt_wait_for(), or -1 */
	int		      failed; /* reads in a row */
	volatile sig_atomic_t asked;  /* since the terminal is ours again */
	char		      text[PROMPT_TEXT];
	void (*stopped)(void);		  /* see prompt_stops() */
	volatile sig_atomic_t continued;  /* since Ctrl-Z */
	struct termios	      was, quiet; /* with and without echo */
	int		      tty;	  /* whose settings were saved */
} prompt = { .fd = -1, .timer = -1, .tty = -1 };

/* Saves the settings of the terminal fd; -1 with errno. */
static int
prompt_save(int fd)
{
	if (tcgetattr(fd, &prompt.was) == -1)
		return (-1);
	prompt.quiet = prompt.was;
	prompt.quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	prompt.quiet.c_lflag |= ICANON;
	prompt.tty = fd;
	return (0);
}

/*
 * Opens the terminal that controls us, with O_NONBLOCK: neither read(2) nor,
 * after Ctrl-S, write(2) waits for it.  Returns the descriptor, the caller's to
 * close; -1 with errno.
 */
int
prompt_open(void)
{
	const int fd = open("/dev/tty",
	    O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd != -1)
		(void)prompt_save(fd);
	return (fd);
}

/*
 * Returns whether we may read from the terminal fd now.  If it is our
 * controlling terminal, only its foreground process group may.
 */
bool
prompt_is_ours(int fd)
{
	const pid_t pgrp = tcgetpgrp(fd);

	return (pgrp == -1 || pgrp == getpgrp());
}

/* Turns the echo off, and asks, if we may.  Async-signal-safe. */
static int
prompt_ask(void)
{
	prompt.asked = prompt_is_ours(prompt.fd);
	if (!prompt.asked)
		return (0);
	if (tcsetattr(prompt.fd, TCSAFLUSH, &prompt.quiet) == -1)
		return (-1);
	(void)!write(prompt.fd, prompt.text, strlen(prompt.text));
	return (0);
}

/* Asks again if a question is open.  Async-signal-safe. */
void
prompt_again(void)
{
	const int saved = errno;

	prompt.continued = 1;
	if (prompt.fd != -1)
		(void)prompt_ask();
	errno = saved;
}

static void
prompt_on_cont(int sig)
{
	(void)sig;
	prompt_again();
}

/*
 * Asks text on the terminal fd, without echo; if we are in the background, as
 * soon as we are in the foreground.  Returns 0, or -1 with errno.
 */
int
prompt_begin(int fd, const char *text)
{
	struct sigaction sa;

	if (prompt.tty != fd && prompt_save(fd) == -1)
		return (-1);
	if (prompt.timer == -1)
		prompt.timer = timerfd_create(CLOCK_MONOTONIC,
		    TFD_NONBLOCK | TFD_CLOEXEC);
	if (prompt.timer == -1)
		return (-1);
	(void)snprintf(prompt.text, sizeof(prompt.text), "%s", text);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = prompt_on_cont;
	sa.sa_flags = SA_RESTART;
	(void)sigaction(SIGCONT, &sa, NULL);
	prompt.fd = fd;
	return (prompt_ask());
}

/*
 * Returns the descriptor to poll for input while a question is open on the
 * terminal fd: fd, or, while the shell has the terminal, a timer.
 */
int
prompt_wait_for(int fd)
{
	const struct itimerspec look = { .it_value.tv_nsec = PROMPT_LOOK };

	if (!prompt_is_ours(fd)) {
		prompt.asked = false;
		prompt.failed = 0;
		(void)timerfd_settime(prompt.timer, 0, &look, NULL);
		return (prompt.timer);
	}
	if (!prompt.asked)
		(void)prompt_ask();
	return (fd);
}

/*
 * Returns whether to try again after a read(2) from the terminal that returned
 * n: EIO may mean that the shell had the terminal.
 */
bool
prompt_retry(ssize_t n)
{
	if (n != -1) {
		prompt.failed = 0;
		return (false);
	}
	return (errno == EAGAIN || errno == EINTR ||
	    (errno == EIO && prompt.failed++ < PROMPT_TRIES));
}

/*
 * Turns the echo on again, if a question is open.  Discards what was typed and
 * not read, or the shell would take it for a command.  Async-signal-safe.
 */
void
prompt_restore(void)
{
	if (prompt.fd != -1 && prompt_is_ours(prompt.fd)) {
		(void)tcflush(prompt.fd, TCIFLUSH);
		(void)tcsetattr(prompt.fd, TCSANOW, &prompt.was);
	}
	prompt.fd = -1;
}

/* Ends the question: restores the terminal, and prints text on it. */
void
prompt_end(const char *text)
{
	const int fd = prompt.fd;

	prompt_restore();
	if (fd != -1)
		(void)!write(fd, text, strlen(text));
	close(prompt.timer);
	prompt.timer = -1;
	(void)signal(SIGCONT, SIG_DFL);
}

/* Ctrl-Z: the terminal echoes again before the shell gets it. */
static void
prompt_on_stop(int sig)
{
	const int	 saved = errno;
	struct sigaction sa, was;

	prompt.continued = 0;
	if (prompt.tty != -1 && prompt_is_ours(prompt.tty)) {
		(void)tcflush(prompt.tty, TCIFLUSH);
		(void)tcsetattr(prompt.tty, TCSANOW, &prompt.was);
	}
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_DFL;
	(void)sigaction(sig, &sa, &was);
	(void)raise(sig); /* SA_NODEFER: at once */
	(void)sigaction(sig, &was, NULL);
	/* The kernel does not stop an orphaned process group. */
	if (!prompt.continued)
		prompt.stopped();
	errno = saved;
}

/*
 * From now on SIGTSTP restores the terminal before it stops this process.  If
 * the kernel does not stop it, the signal handler calls not_stopped, which must
 * ask again.
 */
void
prompt_stops(void (*not_stopped)(void))
{
	struct sigaction sa;

	/* If our parent ignored it for us, we must not stop. */
	if (sigaction(SIGTSTP, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
		return;
	prompt.stopped = not_stopped;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = prompt_on_stop;
	sa.sa_flags = (int)(SA_RESTART | SA_NODEFER);
	(void)sigaction(SIGTSTP, &sa, NULL);
	sa.sa_handler = prompt_on_cont;
	(void)sigaction(SIGCONT, &sa, NULL);
}
