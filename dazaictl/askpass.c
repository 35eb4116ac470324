/* SPDX-License-Identifier: ISC */
/*
 * dazai-askpass, which ssh, git and sudo run when they need a secret and have
 * no terminal to ask on.  They pass a prompt and nothing else, so the secret's
 * name is in DAZAI_SECRET.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "askpass.h"
#include "client.h"
#include "command.h"
#include "secret.h"
#include "visible.h"

/*
 * Does prompt ask for something else than a secret?  ssh asks for a yes to a
 * host key, or, with SSH_ASKPASS_PROMPT, for a click; git asks for a user's
 * name, which it would send and show in the clear.  ssh-add asks again for ever
 * when the secret is wrong.
 */
static int
askpass_not_secret(const char *prompt)
{
	const char *kind = getenv("SSH_ASKPASS_PROMPT");

	return ((kind != NULL && *kind != '\0') ||
	    strncasecmp(prompt, "Username", strlen("Username")) == 0 ||
	    strncmp(prompt, "Bad passphrase", strlen("Bad passphrase")) == 0 ||
	    strstr(prompt, "(yes/no") != NULL);
}

noreturn void
askpass_main(int argc, char *argv[])
{
	const char     *name = getenv("DAZAI_SECRET");
	struct sockpath places;
	char		prompt[256];

	/* It may have come from the server that wants the answer. */
	if (argc > 1 && askpass_not_secret(argv[1])) {
		visible_text(argv[1], prompt, sizeof(prompt));
		errx(EXIT_USAGE, "not a question for a secret: %s", prompt);
	}
	if (name == NULL || *name == '\0')
		errx(EXIT_USAGE, "DAZAI_SECRET does not name a secret");
	command_places(NULL, &places);
	command_check_name(name);
	secret_get(&places, name, true);
	exit(EXIT_DONE);
}
