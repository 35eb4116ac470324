/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_SECMEM_H
#define DAZAI_SECMEM_H

#include <signal.h>
#include <stddef.h>

#define SECMEM_CANARY 16 /* bytes, right before the data */

enum secmem_kind {
	SECMEM_SECRET,	/* memfd_secret: not in the kernel's own map */
	SECMEM_MLOCK,	/* shared anonymous memory, never swapped */
	SECMEM_UNLOCKED /* may be swapped: degraded */
};

struct secmem {
	unsigned char	*data;	/* where secrets go, ... */
	size_t		 size;	/* ... this many bytes */
	unsigned char	*pages; /* whole pages with canary and data */
	size_t		 len;	/* bytes of pages */
	enum secmem_kind kind;
	unsigned int	 users; /* calls of secmem_unseal() not yet ended */
	volatile sig_atomic_t wiped;
	unsigned char	      canary[SECMEM_CANARY];
	void (*failed)(void); /* called when mprotect(2) fails */
};

int secmem_open(struct secmem *, size_t, void (*)(void));
int secmem_open_kind(struct secmem *, enum secmem_kind, size_t, void (*)(void));
void	    secmem_unseal(struct secmem *);
void	    secmem_seal(struct secmem *);
const char *secmem_wipe(struct secmem *);
const char *secmem_name(enum secmem_kind);

#endif
