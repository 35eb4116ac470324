/* SPDX-License-Identifier: ISC */
/*
 * notify [-x] PATH [COUNT]: receives datagrams at PATH, for which an @ in front
 * is an abstract name, as a service manager or syslogd would; a line each on
 * standard output, after one that says "listening".  Ends after COUNT of them
 * if given.  -x: never reads any.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t	   len;
	char		   datagram[8192];
	bool		   deaf = false;
	long		   count = -1;
	ssize_t		   n;
	int		   fd;

	if (argc > 1 && strcmp(argv[1], "-x") == 0) {
		deaf = true;
		argc--;
		argv++;
	}
	if (argc < 2 || argc > 3 || strlen(argv[1]) >= sizeof(sun.sun_path))
		errx(1, "usage: notify [-x] PATH [COUNT]");
	if (argc == 3)
		count = strtol(argv[2], NULL, 10);
	memcpy(sun.sun_path, argv[1], strlen(argv[1]));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(argv[1]));
	if (sun.sun_path[0] == '@')
		sun.sun_path[0] = '\0';
	else
		len++;
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1 ||
	    bind(fd, (struct sockaddr *)&sun, len) == -1)
		err(1, "%s", argv[1]);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	printf("listening\n");
	if (deaf) {
		for (;;)
			(void)pause();
	}
	for (; count != 0; count--) {
		if ((n = recv(fd, datagram, sizeof(datagram), 0)) == -1)
			err(1, "recv");
		(void)fwrite(datagram, 1, (size_t)n, stdout);
		printf("\n");
	}
	return (0);
}
