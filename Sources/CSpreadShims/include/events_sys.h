/* What the event loop (SpreadABI, Events*.swift) needs of the system. Private, not installed. */
#ifndef SPREAD_EVENTS_SYS_H
#define SPREAD_EVENTS_SYS_H

/* A descriptor set: one bit each for descriptors 0..1024, in the layout of select(2). Three stand in a row: read,
   write, except. 1024 itself is one more than fd_set holds, but the interface allows it. */
enum {
  spread_events_max_fd = 1024,
  spread_events_set_words = spread_events_max_fd / (8 * sizeof(unsigned long)) + 1
};

/* Waits up to `microseconds` (0: does not wait) for the first `descriptors` descriptors of the three sets `watched`;
   `ready` tells which are. The number of ones in `ready`: 0 after the time, a signal, or with an exit request pending.
   Closed descriptors never become ready. Keeps errno. */
int spread_events_wait(int descriptors, const unsigned long *watched, unsigned long *ready,
                       long long microseconds);

/* The exit request: 0 or 1. Both are async-signal-safe. */
void spread_events_request_exit(int requested);
int spread_events_exit_requested(void);

/* Clocks in microseconds, and a sleep. */
long long spread_events_wall_clock(void);
long long spread_events_monotonic_clock(void);
void spread_events_sleep(long seconds, long microseconds);

/* One line about a refused argument, through the Alarm printer. */
void spread_events_complain(const char *function, const char *what, int value);

#endif
