/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_LOG_H
#define DAZAID_LOG_H

#include <stdbool.h>

struct imsg_log;

bool log_is_named(void);
void log_open(bool, int);
void log_role(const char *);
void log_syslog(bool);
void log_relay(int);
bool log_is_relayed(void);
bool log_is_file(void);
int  log_verbose(void);
void log_debug(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_parts(const char *const *);
void log_write(const struct imsg_log *);

/* Logs the line of a panic: strings up to a NULL, without a format. */
#define log_alert(...) log_parts((const char *const[]){ __VA_ARGS__, NULL })

#endif
