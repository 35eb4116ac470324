/* SPDX-License-Identifier: ISC */
/*
 * git-credential-dazai: gives git the secret that the user's file "git" names
 * for a server.  The attributes may come from the URL of an attacker.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "config.h"
#include "gitcred.h"
#include "give.h"
#include "site.h"
#include "stdfd.h"

#define GITCRED_LINE (64 * 1024) /* bytes: the same limit as in git */

/* The attributes that choose a secret. */
static struct {
	const char *key;
	char	    value[SITE_PATH];
	bool	    given;
} gitcred_asked[] = { { .key = "protocol" }, { .key = "host" },
	{ .key = "path" }, { .key = "username" } };

enum { GITCRED_PROTOCOL, GITCRED_HOST, GITCRED_PATH, GITCRED_USERNAME };

#define GITCRED_KEYS (sizeof(gitcred_asked) / sizeof(gitcred_asked[0]))

static bool
gitcred_is_ascii(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return (*text == '\0');
}

/* Parses one attribute, "key=value".  Ignores those that we do not use. */
static void
gitcred_attribute(char *line)
{
	char  *value = strchr(line, '=');
	size_t i, len;

	if (value == NULL || value == line)
		errx(EXIT_USAGE, "git: not an attribute");
	*value++ = '\0';
	for (i = 0; i < GITCRED_KEYS; i++) {
		if (strcmp(line, gitcred_asked[i].key) != 0)
			continue;
		if (gitcred_asked[i].given)
			errx(EXIT_USAGE, "git: %s comes twice", line);
		len = strlen(value);
		if (len >= sizeof(gitcred_asked[i].value))
			errx(EXIT_USAGE, "git: %s is too long", line);
		if (!gitcred_is_ascii(value))
			errx(EXIT_USAGE, "git: %s is not ASCII", line);
		memcpy(gitcred_asked[i].value, value, len + 1);
		gitcred_asked[i].given = true;
	}
}

/* Reads the attributes from standard input, up to an empty line or the end. */
static void
gitcred_read(void)
{
	static char line[GITCRED_LINE];
	size_t	    len = 0;
	int	    c;

	while ((c = getchar()) != EOF) {
		if (c != '\n') {
			if ((c < ' ' && c != '\t') || c == 0x7f)
				errx(EXIT_USAGE,
				    "git: a control character in an attribute");
			if (len == sizeof(line) - 1)
				errx(EXIT_USAGE, "git: too long an attribute");
			line[len++] = (char)c;
			continue;
		}
		if (len == 0)
			return;
		line[len] = '\0';
		gitcred_attribute(line);
		len = 0;
	}
	if (ferror(stdin))
		err(EXIT_USAGE, "standard input");
	if (len > 0)
		errx(EXIT_USAGE, "git: an attribute was cut off");
}

/*
 * Finds the first line of the file for site and for the user that git has
 * named, if any.  Returns false if there is none.  Checks every line for
 * errors.
 */
static bool
gitcred_find(const struct site *asked, char *name, char *user, size_t size)
{
	const char   *as = gitcred_asked[GITCRED_USERNAME].value;
	struct config config;
	struct site   site;
	const char   *why, *theirs;
	bool	      found = false;

	config_open(&config, "git");
	while (config_next(&config)) {
		if (config.words < 2)
			config_wrong(&config, "not the name of a secret");
		if ((why = site_parse(&site, config.word[0])) != NULL)
			config_wrong(&config, why);
		theirs = config.words > 2 ? config.word[2] : "";
		if (strlen(config.word[1]) >= size || strlen(theirs) >= size)
			config_wrong(&config, "too long a name");
		if (found || !site_covers(&site, asked) ||
		    (*as != '\0' && *theirs != '\0' && strcmp(as, theirs) != 0))
			continue;
		found = true;
		(void)snprintf(name, size, "%s", config.word[1]);
		(void)snprintf(user, size, "%s", theirs);
	}
	config_close(&config);
	return (found);
}

/* Copies a secret, as a give_encoding. */
static const char *
gitcred_encode(const unsigned char *secret, size_t len, unsigned char *to,
    size_t *coded)
{
	memcpy(to, secret, len);
	*coded = len;
	return (give_line(secret, len));
}

/* Answers "get". */
static void
gitcred_get(const void *unused)
{
	struct site asked;
	char	    name[256], user[256], before[512];

	(void)unused;
	gitcred_read();
	/* The passphrase of a certificate, for example, has no host. */
	if (site_set(&asked, gitcred_asked[GITCRED_PROTOCOL].value,
		gitcred_asked[GITCRED_HOST].value,
		gitcred_asked[GITCRED_PATH].value) != NULL ||
	    !gitcred_find(&asked, name, user, sizeof(name)))
		return;
	if (*user != '\0')
		(void)snprintf(before, sizeof(before),
		    "username=%s\npassword=", user);
	else
		(void)snprintf(before, sizeof(before), "password=");
	give(name, before, gitcred_encode, "\n");
}

noreturn void
gitcred_main(int argc, char *argv[])
{
	int status;

	if (argc != 2)
		errx(EXIT_USAGE, "usage: get, store or erase, as git says it");
	/* gitcredentials(7): helpers must ignore unknown requests. */
	if (strcmp(argv[1], "get") != 0)
		exit(EXIT_DONE);
	/* Otherwise git would go on and ask on the terminal. */
	if ((status = give_apart(gitcred_get, NULL)) != EXIT_DONE)
		puts("quit=1");
	stdfd_flush();
	exit(status);
}
