/* SPDX-License-Identifier: ISC */
/*
 * dazai-askpass, which ssh, git and sudo run when they need a secret and have
 * no terminal to ask on.  They pass only a prompt, so DAZAI_SECRET has the name
 * of the secret, and DAZAI_PROMPT the pattern of prompts to answer.
 */
#include <err.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "askpass.h"
#include "client.h"
#include "command.h"
#include "secret.h"
#include "visible.h"

/*
 * Returns whether prompt asks for something other than a secret.  ssh asks for
 * a yes to a host key, or, with SSH_ASKPASS_PROMPT, for a click.  git asks for
 * a user name, which it would send and show in the clear.  ssh-add asks again
 * and again if the secret is wrong.
 */
static bool
askpass_not_secret(const char *prompt)
{
	const char *kind = getenv("SSH_ASKPASS_PROMPT");

	return ((kind != NULL && *kind != '\0') ||
	    strncasecmp(prompt, "Username", strlen("Username")) == 0 ||
	    strncmp(prompt, "Bad passphrase", strlen("Bad passphrase")) == 0 ||
	    strstr(prompt, "(yes/no") != NULL);
}

/*
 * Returns whether the user allows an answer to prompt.  By default, that is not
 * the prompt of ssh for a host's password, because ssh would send the secret to
 * that host.
 */
static bool
askpass_allowed(const char *prompt)
{
	/* Those of ssh and ssh-add, of git, of sudo, and of sudo-rs. */
	static const char *const usual[] = { "Enter passphrase for *",
		"Password for 'https://*", "\\[sudo\\] *", "\\[sudo: *" };
	const char		*only = getenv("DAZAI_PROMPT");
	size_t			 i;

	if (only != NULL && *only != '\0')
		return (fnmatch(only, prompt, 0) == 0);
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (fnmatch(usual[i], prompt, 0) == 0)
			return (true);
	}
	return (false);
}

/* Refuses prompt, which may be a server's text, and exits. */
static noreturn void
askpass_refuse(const char *why, const char *prompt)
{
	char shown[256];

	visible_text(prompt, shown, sizeof(shown));
	errx(EXIT_USAGE, "%s: %s", why, shown);
}

noreturn void
askpass_main(int argc, char *argv[])
{
	const char     *name = getenv("DAZAI_SECRET");
	struct sockpath places;

	if (argc > 1 && askpass_not_secret(argv[1]))
		askpass_refuse(
		    "refused, because this prompt does not ask for a secret",
		    argv[1]);
	if (argc > 1 && !askpass_allowed(argv[1]))
		askpass_refuse("not a prompt that DAZAI_PROMPT allows",
		    argv[1]);
	if (name == NULL || *name == '\0')
		errx(EXIT_USAGE,
		    "DAZAI_SECRET is not set: it names the secret "
		    "to answer with");
	command_places(NULL, &places);
	command_check_name(name);
	secret_get(&places, name, true);
	exit(EXIT_DONE);
}
