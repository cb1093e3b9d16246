/*
 * System calls of the client library, in shapes that Embedded Swift can call: no variadic functions, no sockaddr.
 * Nothing here knows the Spread protocol. Functions may change errno; SpreadABI restores it.
 */
#ifndef SPREAD_CSPREADSOCKET_H
#define SPREAD_CSPREADSOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- Bytes in pieces ---- */

/* Same layout as iovec and as scat_element of sp.h; both are asserted. */
typedef struct csp_piece {
  void *base;
  size_t length;
} csp_piece;

/* A run of bytes in memory: two leading pieces, then `count` more. Empty pieces are fine. */
typedef struct csp_run {
  csp_piece first;
  csp_piece second;
  const csp_piece *rest;
  size_t count;
} csp_run;

/* Most pieces in `rest`. */
#define CSP_MAX_PIECES 100

/* What csp_send and csp_receive answer besides a positive byte count. Interrupted calls are repeated inside. */
#define CSP_END 0           /* receive: the peer closed */
#define CSP_WOULD_BLOCK (-1)
#define CSP_BROKEN (-2)

/*
 * Sends bytes `skip`..<`total` of the run with one system call, without SIGPIPE; receives into them, waiting for all on
 * a blocking socket. `total` is at most the length of the run.
 */
ssize_t csp_send(int fd, const csp_run *run, size_t skip, size_t total);
ssize_t csp_receive(int fd, const csp_run *run, size_t skip, size_t total);

/* ---- Sockets ---- */

typedef struct csp_address {
  uint64_t bytes[16];
  unsigned int length;
} csp_address;

/* /tmp/<port>, the place compiled into every Spread library. */
void csp_unix_address(uint16_t port, csp_address *address);
/* The first IPv4 or IPv6 address of a host. 0; 1 the name does not exist; 2 any other failure. */
int csp_resolve(const char *host, uint16_t port, csp_address *address);

/*
 * A non-blocking stream socket for the address, with large buffers; TCP: no delay, keep-alive. Negative when there
 * is none. Not close-on-exec, as mailboxes never were.
 */
int csp_open(const csp_address *address);

#define CSP_CONNECTED 0
#define CSP_IN_PROGRESS 1
#define CSP_QUEUE_FULL 2 /* a unix listener with a full queue, or an interrupted attempt: try again */
#define CSP_REFUSED (-1)
int csp_connect(int fd, const csp_address *address);
/* After CSP_IN_PROGRESS and writability: 1 when connected. */
int csp_is_connected(int fd);

int csp_set_blocking(int fd, int blocking);
/* Unread bytes, negative when `fd` is not a socket. */
int csp_unread(int fd);
/* Wakes whoever reads or writes the socket. */
void csp_shutdown(int fd);
/* Ends our side and throws away what still comes, until the peer ends its own or `deadline`. */
void csp_end(int fd, int64_t deadline);
void csp_close(int fd);

/* ---- Time ---- */

#define CSP_NEVER 0x7fffffffffffffffLL

/* Nanoseconds of the monotonic clock. */
int64_t csp_now(void);
/* Waits until `fd` is readable (or writable), or `deadline`: 1 ready or broken, 0 too late. Signals do not end it. */
int csp_wait(int fd, int for_writing, int64_t deadline);
/* Whether a read would not wait; the end of the stream and errors count. */
int csp_is_readable(int fd);
void csp_sleep(int64_t nanoseconds);

/* ---- Process ---- */

int csp_errno(void);
void csp_set_errno(int value);
void csp_ignore_sigpipe(void);

/* The one lock of the process-wide session table. Static: usable before anything is initialised. */
void csp_table_lock(void);
void csp_table_unlock(void);

/* Mutexes of sessions, each on its own. Null when out of memory. */
void *csp_mutex_new(void);
void csp_mutex_free(void *mutex);
void csp_mutex_lock(void *mutex);
void csp_mutex_unlock(void *mutex);
/* In a child after fork: whatever its state, the mutex is new and free. */
void csp_mutex_reset(void *mutex);

#endif
