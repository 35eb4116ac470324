/* SPDX-License-Identifier: ISC */
/*
 * Opens descriptors 0, 1 and 2 if they are closed.  Otherwise the file of a
 * secret or a connection to a daemon could become standard input or output.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "stdfd.h"

/*
 * Opens /dev/null for each that is closed: input for writing and outputs for
 * reading, so that using them fails, as it would on a closed descriptor.
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

/* Ends the program with exit 1 if what it has printed could not be written. */
void
stdfd_flush(void)
{
	if (fflush(stdout) == EOF || ferror(stdout))
		err(1, "standard output");
}
