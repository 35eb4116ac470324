/* SPDX-License-Identifier: ISC */
/*
 * docker-credential-dazai: gives docker, podman and others the secret that the
 * user's file "docker" names for a registry.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "config.h"
#include "dockercred.h"
#include "give.h"
#include "site.h"
#include "stdfd.h"
#include "version.h"

#define DOCKERCRED_URL	1024 /* bytes */
#define DOCKERCRED_JSON (2 * DOCKERCRED_URL)

/*
 * Writes text, of printable ASCII and shorter than DOCKERCRED_URL, to json as a
 * string of JSON.
 */
static void
dockercred_string(const char *text, char *json)
{
	*json++ = '"';
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			*json++ = '\\';
		*json++ = *text;
	}
	*json++ = '"';
	*json = '\0';
}

/*
 * Returns the length of the UTF-8 character at s, of at most len bytes; 0 if it
 * is not well-formed (Unicode, table 3-7).
 */
static size_t
dockercred_utf8(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t	      n, i;

	if (s[0] < 0x80)
		return (1);
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return (0);
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return (0);
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return (0);
	for (i = 2; i < n; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return (0);
	}
	return (n);
}

/* Encodes a secret as the inside of a string of JSON; a give_encoding. */
static const char *
dockercred_encode(const unsigned char *secret, size_t len, unsigned char *to,
    size_t *coded)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char	 *at = to;
	size_t		  n, i;

	for (i = 0; i < len; i += n) {
		if ((n = dockercred_utf8(secret + i, len - i)) == 0)
			return ("is not UTF-8, and JSON needs that");
		if (secret[i] < ' ') {
			*at++ = '\\';
			*at++ = 'u';
			*at++ = '0';
			*at++ = '0';
			*at++ = (unsigned char)digits[secret[i] >> 4];
			*at++ = (unsigned char)digits[secret[i] & 0xf];
			continue;
		}
		if (secret[i] == '"' || secret[i] == '\\')
			*at++ = '\\';
		memcpy(at, secret + i, n);
		at += n;
	}
	*coded = (size_t)(at - to);
	return (NULL);
}

/*
 * Reads the next line of the file into site.  Exits unless it is a registry, a
 * secret and a user.
 */
static bool
dockercred_next(struct config *config, struct site *site)
{
	const char *why;

	if (!config_next(config))
		return (false);
	if ((why = site_parse(site, config->word[0])) != NULL)
		config_wrong(config, why);
	if (config->words != 3)
		config_wrong(config, "not a registry, a secret and a user");
	if (strlen(config->word[0]) >= DOCKERCRED_URL ||
	    strlen(config->word[1]) >= DOCKERCRED_URL ||
	    strlen(config->word[2]) >= DOCKERCRED_URL)
		config_wrong(config, "too long a word");
	return (true);
}

/* Reads the registry's URL from standard input, without blanks at its ends. */
static void
dockercred_read(char *url)
{
	size_t len = fread(url, 1, DOCKERCRED_URL - 1, stdin), i;

	if (ferror(stdin))
		err(EXIT_USAGE, "standard input");
	if (len == DOCKERCRED_URL - 1)
		errx(EXIT_USAGE, "too long a registry");
	while (len > 0 && (url[len - 1] == '\n' || url[len - 1] == '\r'))
		len--;
	url[len] = '\0';
	for (i = 0; i < len; i++) {
		if (url[i] <= ' ' || url[i] > '~')
			errx(EXIT_USAGE, "the registry is not valid");
	}
}

static noreturn void
dockercred_get(void)
{
	char	      url[DOCKERCRED_URL], json[DOCKERCRED_JSON + 3];
	char	      name[DOCKERCRED_URL], user[DOCKERCRED_JSON + 3];
	char	      before[2 * sizeof(json) + 64];
	struct config config;
	struct site   site, asked;
	bool	      found = false;

	dockercred_read(url);
	if (site_parse(&asked, url) != NULL)
		errx(EXIT_USAGE, "the registry is not valid");
	config_open(&config, "docker");
	while (dockercred_next(&config, &site)) {
		if (found || !site_covers(&site, &asked))
			continue;
		found = true;
		(void)snprintf(name, sizeof(name), "%s", config.word[1]);
		dockercred_string(config.word[2], user);
	}
	config_close(&config);
	if (!found) {
		/*
		 * These words of the protocol let docker go on without a
		 * password.
		 */
		puts("credentials not found in native keychain");
		stdfd_flush();
		exit(EXIT_USAGE);
	}
	dockercred_string(url, json);
	(void)snprintf(before, sizeof(before),
	    "{\"ServerURL\":%s,\"Username\":%s,\"Secret\":\"", json, user);
	give(name, before, dockercred_encode, "\"}\n");
}

/* Prints every registry with its user, as one object of JSON. */
static void
dockercred_list(void)
{
	char	      url[DOCKERCRED_JSON + 3], user[DOCKERCRED_JSON + 3];
	const char   *comma = "";
	struct config config;
	struct site   site;

	/* An error anywhere in the file must come before any output. */
	config_open(&config, "docker");
	while (dockercred_next(&config, &site))
		continue;
	config_close(&config);
	config_open(&config, "docker");
	putchar('{');
	while (dockercred_next(&config, &site)) {
		dockercred_string(config.word[0], url);
		dockercred_string(config.word[2], user);
		printf("%s%s:%s", comma, url, user);
		comma = ",";
	}
	puts("}");
	config_close(&config);
}

noreturn void
dockercred_main(int argc, char *argv[])
{
	const char *command = argc == 2 ? argv[1] : "";

	if (strcmp(command, "get") == 0)
		dockercred_get();
	if (strcmp(command, "list") == 0)
		dockercred_list();
	else if (strcmp(command, "version") == 0)
		puts("docker-credential-dazai " DAZAI_VERSION);
	else if (strcmp(command, "store") == 0 || strcmp(command, "erase") == 0)
		errx(EXIT_REFUSED,
		    "dazaictl put and del, and ~/.config/dazai/docker, are for "
		    "that");
	else
		errx(EXIT_USAGE,
		    "usage: get, list or version, as docker says "
		    "it");
	stdfd_flush();
	exit(EXIT_DONE);
}
