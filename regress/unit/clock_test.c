/* SPDX-License-Identifier: ISC */
/* Time, which on 32-bit machines has 64 bits as well. */
#include <poll.h>
#include <time.h>

#include "case.h"
#include "clock.h"

CASE(ppoll_waits_for_less_than_a_second,
    "ppoll(3), as it is compiled here, waits for a timeout below a second")
{
	const struct timespec wait = { 0, 50 * 1000000L };
	const int64_t	      begin = clock_ms(CLOCK_MONOTONIC);

	ATF_REQUIRE_EQ(0, ppoll(NULL, 0, &wait, NULL));
	ATF_REQUIRE(clock_ms(CLOCK_MONOTONIC) - begin >= 50);
}

CASE(times_have_64_bits, "times after the year 2038 are kept")
{
	ATF_REQUIRE_EQ(8, sizeof(time_t));
}
