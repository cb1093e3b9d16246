/* Times of the Spread interface. (The event loop is declared here as well, in a later change.) */
#ifndef SPREAD_SP_EVENTS_H
#define SPREAD_SP_EVENTS_H

#include <stddef.h>

/* Seconds and microseconds; both of one sign. */
typedef struct dummy_time {
  long sec;
  long usec;
} sp_time;

#endif
