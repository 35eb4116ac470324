/* SPDX-License-Identifier: ISC */
/*
 * Something must be open as 0, 1 and 2, or a secret's file, or the connection
 * to a daemon, would become standard input or output.
 */
#include <err.h>
#include <fcntl.h>
#include <unistd.h>

#include "stdfd.h"

/*
 * Opens /dev/null for what is closed, the wrong way round: to use it is an
 * error, as it would be on a closed descriptor.
 */
void
stdfd_open(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null",
			fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			err(1, "/dev/null");
	}
}
