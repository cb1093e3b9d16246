/*
 * The event loop of Spread, and its times: one loop per process over descriptors with priorities and over timers.
 * Included by sp.h; may be included alone, from C and C++.
 *
 * Every function but E_get_time ... E_compare_time, E_delay and E_exit_events_async_safe belongs to one thread.
 * A callback may call any of them. The manual page E_events(3) has the details.
 */
#ifndef SPREAD_SP_EVENTS_H
#define SPREAD_SP_EVENTS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NUM_PRIORITY 3
#define LOW_PRIORITY 0
#define MEDIUM_PRIORITY 1
#define HIGH_PRIORITY 2

/* What is awaited of a descriptor. */
#define NUM_FDTYPES 3
#define READ_FD 0
#define WRITE_FD 1
#define EXCEPT_FD 2

#define MAX_FD_EVENTS 2000 /* entries of one priority */

/* Seconds and microseconds; |usec| < 1000000, both of one sign. */
typedef struct dummy_time {
  long sec;
  long usec;
} sp_time;

/* ---- Times ---- */

sp_time E_get_time(void);           /* of the wall clock */
sp_time E_get_time_monotonic(void); /* of the clock of the timers: it never jumps */
sp_time E_neg_time(sp_time time);
sp_time E_add_time(sp_time first, sp_time second);
sp_time E_sub_time(sp_time first, sp_time second);
int E_compare_time(sp_time first, sp_time second); /* -1, 0, 1 */
void E_delay(sp_time time);                        /* sleeps; a signal ends it early */

/* Forgets all timers and descriptors, sets the threshold to LOW_PRIORITY. 0. */
int E_init(void);

/* ---- Timers: function(code, data) once, `delay` from now ---- */

int E_queue(void (*function)(int code, void *data), int code, void *data, sp_time delay); /* an equal one moves. 0 */
int E_in_queue(void (*function)(int code, void *data), int code, void *data);             /* 1 or 0 */
int E_dequeue(void (*function)(int code, void *data), int code, void *data);              /* 0, or -1: none */

/* ---- Descriptors: function(fd, code, data) whenever fd is ready ---- */

/* 0: new. 1: replaced and activated. -1: impossible priority, type or descriptor (0..1024), or no more room. */
int E_attach_fd(int fd, int fd_type, void (*function)(int fd, int code, void *data), int code, void *data,
                int priority);

/* 0, or -1 when there is no such entry. The priority is any, or the given one. */
int E_detach_fd(int fd, int fd_type);
int E_detach_fd_priority(int fd, int fd_type, int priority);
int E_activate_fd(int fd, int fd_type);
int E_deactivate_fd(int fd, int fd_type);

int E_num_active(int priority);           /* active entries of a priority, or -1 */
int E_set_active_threshold(int priority); /* lower priorities are not watched. The priority, or -1 */

/* ---- The loop ---- */

void E_handle_events(void);          /* calls callbacks until one of the next two is called */
void E_exit_events(void);            /* from a callback */
void E_exit_events_async_safe(void); /* from a signal handler */

#ifdef __cplusplus
}
#endif

#endif
