/*
 * System calls of the event loop: events-and-flush, part 1.
 *
 * The exit request lives here because E_exit_events_async_safe runs in signal handlers: it may touch nothing but this
 * one lock-free word.
 */
#include "events_sys.h"
#include "spread_alarm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

enum { SETS = 3, WORDS = spread_events_set_words, BITS = 8 * sizeof(unsigned long) };

/* select(2) is given sets one word longer than fd_set. That is sound as long as both are rows of words. */
_Static_assert(sizeof(fd_set) % sizeof(unsigned long) == 0, "fd_set is not a row of words");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "the exit request must be usable in signal handlers");

static atomic_int exit_requested;

void spread_events_request_exit(int requested) {
  atomic_store_explicit(&exit_requested, requested, memory_order_relaxed);
}

int spread_events_exit_requested(void) { return atomic_load_explicit(&exit_requested, memory_order_relaxed); }

/* ---- Waiting ---- */

static fd_set *nth(unsigned long *sets, int n) { return (fd_set *)(void *)(sets + n * WORDS); }

static int poll_sets(int descriptors, unsigned long *sets) {
  struct timeval none = {0, 0};
  return select(descriptors, nth(sets, 0), nth(sets, 1), nth(sets, 2), &none);
}

/*
 * A signal between the last look at the exit request and the system call would be lost until the next event. So
 * signals are held back from the look to the call, which lets them in atomically. (sigprocmask is per thread on Linux;
 * pthread_sigmask would need a newer libc than the library promises to run with.)
 */
static int block_on_sets(int descriptors, unsigned long *sets, long long microseconds) {
  struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  sigset_t all, before;
  int result = 0, error;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  if (spread_events_exit_requested()) {
    memset(sets, 0, SETS * WORDS * sizeof *sets);
  } else {
    result = pselect(descriptors, nth(sets, 0), nth(sets, 1), nth(sets, 2), &time, &before);
  }
  error = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return result;
}

static int wait_on_sets(int descriptors, unsigned long *sets, long long microseconds) {
  return microseconds == 0 ? poll_sets(descriptors, sets) : block_on_sets(descriptors, sets, microseconds);
}

static void remove_closed(int descriptors, unsigned long *sets) {
  for (int fd = 0; fd < descriptors; fd++) {
    unsigned long bit = 1ul << (fd % BITS);
    unsigned long *word = sets + fd / BITS;
    if (((word[0] | word[WORDS] | word[2 * WORDS]) & bit) == 0 || fcntl(fd, F_GETFD) >= 0) continue;
    for (int set = 0; set < SETS; set++) word[set * WORDS] &= ~bit;
  }
}

int spread_events_wait(int descriptors, const unsigned long *watched, unsigned long *ready,
                       long long microseconds) {
  int before = errno, result;
  memcpy(ready, watched, SETS * WORDS * sizeof *ready);
  result = wait_on_sets(descriptors, ready, microseconds);
  if (result < 0 && errno == EBADF) {
    /* A closed descriptor must not keep the others from being served (stock: all of them starve, at full speed). */
    memcpy(ready, watched, SETS * WORDS * sizeof *ready);
    remove_closed(descriptors, ready);
    result = wait_on_sets(descriptors, ready, microseconds);
  }
  if (result <= 0) {
    memset(ready, 0, SETS * WORDS * sizeof *ready);
    result = 0;
  }
  errno = before;
  return result;
}

/* ---- Time ---- */

long long spread_events_wall_clock(void) {
  struct timeval now = {0, 0};
  gettimeofday(&now, NULL);
  return (long long)now.tv_sec * 1000000 + now.tv_usec;
}

long long spread_events_monotonic_clock(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000000 + (now.tv_nsec + 500) / 1000;
}

void spread_events_sleep(long seconds, long microseconds) {
  int before = errno;
  struct timeval time;
  time.tv_sec = seconds;
  time.tv_usec = microseconds;
  select(0, NULL, NULL, NULL, &time);
  errno = before;
}

/* ---- Complaints ---- */

void spread_events_complain(const char *function, const char *what, int value) {
  Alarmp(SPLOG_PRINT, ALARM_EVENTS, (char *)"%s: %s (%d)\n", function, what, value);
}
