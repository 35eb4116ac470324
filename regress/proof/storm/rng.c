/* SPDX-License-Identifier: ISC */
/*
 * Random numbers that depend only on the seed: splitmix64, one stream a life.
 */
#include "storm.h"

static uint64_t rng_state;

uint64_t
rng_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return (x ^ (x >> 31));
}

void
rng_seed(uint64_t seed, uint64_t stream)
{
	rng_state = rng_mix(seed) ^ rng_mix(~stream);
}

/* A number below n, which is far below 2^64. */
uint64_t
rng_below(uint64_t n)
{
	rng_state += 0x9e3779b97f4a7c15;
	return (rng_mix(rng_state) % n);
}

uint64_t
rng_range(uint64_t from, uint64_t to)
{
	return (from + rng_below(to - from + 1));
}

bool
rng_chance(unsigned int percent)
{
	return (rng_below(100) < percent);
}
