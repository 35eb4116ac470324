/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "program": whole programs, from their command lines to what
 * they print.
 */
#include <stdio.h>

#include "program.h"

unsigned int program_now;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *const was_out = stdout, *const was_err = stderr;

	fuzz_input(data, size);
	program_now = fuzz_byte() % PROGRAMS;
	world_begin();
	if (program_now < GIT)
		option_run();
	else
		helper_run();
	world_end();
	stdout = was_out;
	stderr = was_err;
	return (0);
}
