/* errno, signals, locks and the random bytes of the client library. See CSpreadSocket.h. */

#define _GNU_SOURCE
#include "CSpreadSocket.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>

int csp_errno(void) { return errno; }
void csp_set_errno(int value) { errno = value; }

/* c-api 5: programs written for Spread expect a broken daemon connection not to kill them, in their own sockets too. */
void csp_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
void csp_table_lock(void) { pthread_mutex_lock(&table); }
void csp_table_unlock(void) { pthread_mutex_unlock(&table); }

void *csp_mutex_new(void) {
  pthread_mutex_t *mutex = malloc(sizeof *mutex);
  if (mutex) pthread_mutex_init(mutex, NULL);
  return mutex;
}

void csp_mutex_free(void *mutex) {
  if (!mutex) return;
  pthread_mutex_destroy(mutex);
  free(mutex);
}

void csp_mutex_lock(void *mutex) { pthread_mutex_lock(mutex); }
void csp_mutex_unlock(void *mutex) { pthread_mutex_unlock(mutex); }
void csp_mutex_reset(void *mutex) { pthread_mutex_init(mutex, NULL); }

#ifdef SPREAD_EMBEDDED
/*
 * Embedded Swift asks for this name (a seed for hashing), glibc has it from 2.36 on only. Ours keeps the library
 * loadable with older ones, and is hidden so that nobody else gets it.
 */
__attribute__((visibility("hidden"))) void arc4random_buf(void *buffer, size_t length) {
  unsigned char *at = buffer;
  while (length > 0) {
    ssize_t got = getrandom(at, length, 0);
    if (got > 0) {
      at += got;
      length -= (size_t)got;
    } else if (errno != EINTR) {
      return;
    }
  }
}
#endif
