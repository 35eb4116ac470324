/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_REQUEST_H
#define DAZAID_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imsg.h"

const char *request_parse(char *, struct imsg *);
const char *request_parse_heartbeat(const char *, bool, struct imsg *);
const char *request_parse_holder(const char *, bool, struct imsg *);
const char *request_answer(uint32_t);

#endif
