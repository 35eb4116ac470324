/* SPDX-License-Identifier: ISC */
/*
 * Parses and compares the URLs of servers.
 */
#include <ctype.h>
#include <string.h>

#include "site.h"

/* Drops the port if it is the scheme's own. */
static void
site_usual_port(struct site *site)
{
	static const struct {
		const char *scheme, *port;
	} usual[] = { { "https", ":443" }, { "http", ":80" } };
	char  *port = strrchr(site->host, ':');
	size_t i;

	for (i = 0; port != NULL && i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (strcmp(site->scheme, usual[i].scheme) == 0 &&
		    strcmp(port, usual[i].port) == 0) {
			*port = '\0';
			return;
		}
	}
}

/*
 * Copies len bytes of text to to, of size bytes, in lower case.  Returns false
 * if they do not fit, or if one is neither alphanumeric nor in chars.
 */
static bool
site_copy(char *to, size_t size, const char *text, size_t len,
    const char *chars)
{
	size_t i;

	if (len >= size)
		return (false);
	for (i = 0; i < len; i++) {
		const int c = (unsigned char)text[i];

		if (c > '~' || (!isalnum(c) && strchr(chars, c) == NULL))
			return (false);
		to[i] = (char)tolower(c);
	}
	to[len] = '\0';
	return (true);
}

/*
 * Returns whether path has a component "." or "..", which would lead to
 * another path.
 */
static bool
site_is_dotted(const char *path)
{
	size_t len;

	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		if ((len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return (true);
	}
	return (false);
}

/*
 * Sets site from its parts, of which path may be empty.  Returns NULL, or an
 * error message about the parts.
 */
const char *
site_set(struct site *site, const char *scheme, const char *host,
    const char *path)
{
	size_t len;

	if (!site_copy(site->scheme, sizeof(site->scheme), scheme,
		strlen(scheme), "+-.") ||
	    site->scheme[0] == '\0')
		return ("the scheme is not valid");
	if (!site_copy(site->host, sizeof(site->host), host, strlen(host),
		"-._:[]") ||
	    site->host[0] == '\0')
		return ("the host is not valid");
	site_usual_port(site);
	path += strspn(path, "/");
	for (len = strlen(path); len > 0 && path[len - 1] == '/'; len--)
		continue;
	if (len >= sizeof(site->path))
		return ("the path is too long");
	memcpy(site->path, path, len);
	site->path[len] = '\0';
	if (strpbrk(site->path, "?# \\") != NULL || site_is_dotted(site->path))
		return ("the path is not valid");
	return (NULL);
}

/*
 * Sets site from "scheme://host[:port][/path]"; the default scheme is https.
 * Returns NULL, or an error message about url.
 */
const char *
site_parse(struct site *site, const char *url)
{
	const char *at = strstr(url, "://");
	char	    scheme[SITE_SCHEME] = "https", host[SITE_HOST];
	size_t	    len;

	if (at != NULL) {
		len = (size_t)(at - url);
		if (len >= sizeof(scheme))
			return ("the scheme is not valid");
		memcpy(scheme, url, len);
		scheme[len] = '\0';
		url = at + 3;
	}
	len = strcspn(url, "/");
	if (len >= sizeof(host))
		return ("the host is not valid");
	memcpy(host, url, len);
	host[len] = '\0';
	return (site_set(site, scheme, host, url + len));
}

/* Returns whether asked is site or a part of it. */
bool
site_covers(const struct site *site, const struct site *asked)
{
	const size_t len = strlen(site->path);

	return (strcmp(site->scheme, asked->scheme) == 0 &&
	    strcmp(site->host, asked->host) == 0 &&
	    strncmp(site->path, asked->path, len) == 0 &&
	    (len == 0 || asked->path[len] == '\0' || asked->path[len] == '/'));
}
