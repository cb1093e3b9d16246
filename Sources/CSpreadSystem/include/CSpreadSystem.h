/* What the daemon's shell needs from Linux and Swift cannot import: epoll, accept4, gathered writes, signalfd,
 * socket options, unix socket files, the change of identity, clocks.
 *
 * Thin: no decision is taken here. Unless a line says otherwise a function returns a value >= 0, or the negated
 * errno. EINTR never comes back: the call is repeated, or (sys_epoll_wait) answered with 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "CSpreadNetwork.h"

/* ---- readiness ---- */
int sys_epoll_create(void);
int sys_epoll_add(int set, int fd, uint32_t events, uint64_t token);
int sys_epoll_modify(int set, int fd, uint32_t events, uint64_t token);
int sys_epoll_remove(int set, int fd);
/* -1: without limit. Linux before 5.11 rounds up to milliseconds. */
int sys_epoll_wait(int set, struct epoll_event *events, int capacity, int64_t timeout_ns);

static inline uint64_t sys_event_token(const struct epoll_event *events, int i) { return events[i].data.u64; }
static inline uint32_t sys_events_readable(void) { return EPOLLIN; }
static inline uint32_t sys_events_writable(void) { return EPOLLOUT; }

/* ---- sockets ---- */
/* An address without names: family 0 (unix socket), 4 or 6. v4 is in host order, v6 are the sixteen bytes in
 * network order. An IPv4 address mapped into IPv6 is reported as family 4. */
struct sys_address {
  int family;
  uint32_t v4;
  uint8_t v6[16];
  uint32_t scope;
  uint16_t port;
};

/* A listening TCP socket, non-blocking, with SO_REUSEADDR when `reuse`. An IPv6 socket is IPv6 only. */
int sys_listen_tcp(const struct sys_address *address, int backlog, int reuse);
/* A listening unix stream socket at `path`, mode 0666 whatever the umask. Nothing is removed before. */
int sys_listen_unix(const char *path, int backlog);
/* Whether somebody accepts connections at the unix socket `path`: 0 yes, else the negated errno of connect(). */
int sys_probe_unix(const char *path);
/* A datagram socket connected to the unix socket `address`; a name with `@` in front is one of the abstract space. */
int sys_connect_notices(const char *address);
/* One datagram. Never waits, never raises SIGPIPE. */
ssize_t sys_send_notice(int fd, const void *bytes, size_t count);
/* The port a socket is bound to. */
int sys_local_port(int fd);
/* A connection, non-blocking and close-on-exec. */
int sys_accept(int listener, struct sys_address *peer);
/* TCP_NODELAY and SO_KEEPALIVE. */
int sys_tune_tcp(int fd);
/* Asks for send and receive buffers of `bytes` (the kernel may grant less). */
int sys_set_buffers(int fd, int bytes);
/* Bytes read, 0 at the end of the stream. Never blocks: -EAGAIN. */
ssize_t sys_receive(int fd, void *buffer, size_t capacity);
/* One gathered write; bytes taken by the kernel. Never blocks (-EAGAIN), never raises SIGPIPE (-EPIPE). */
ssize_t sys_send(int fd, struct iovec *pieces, int count);
int sys_shutdown_write(int fd);
void sys_close(int fd);

/* ---- signals ---- */
/* Blocks SIGTERM, SIGINT and SIGHUP, ignores SIGPIPE, and returns a descriptor that reports the blocked ones. */
int sys_signal_descriptor(void);
/* The next signal's number; -EAGAIN when there is none. */
int sys_next_signal(int fd);
static const int sys_sighup = 1, sys_sigint = 2, sys_sigterm = 15;

/* ---- files ---- */
enum sys_file_kind { sys_file_socket = 1, sys_file_directory, sys_file_other };
struct sys_file {
  enum sys_file_kind kind;
  uint64_t device, inode;
  uint32_t owner, mode;
};
/* A directory for the _at functions below; it stays usable after chroot. */
int sys_open_directory(const char *path);
/* Keeps others from doing the same until it is closed; waits some seconds at most, then goes without. */
int sys_lock_directory(const char *path);
/* Never follows a link: a link is of kind `other`. */
int sys_file_status(int directory, const char *name, struct sys_file *status);
int sys_remove_file(int directory, const char *name);
int sys_make_directory(const char *path, uint32_t mode);
/* Does not follow a link. */
int sys_change_owner(const char *path, uint32_t user, uint32_t group);
int sys_file_exists(const char *path);
/* For appending; created when missing, mode 0644. */
int sys_open_log(int directory, const char *name);
int sys_open_reading(const char *path);
int sys_open_reading_at(int directory, const char *name);
int sys_file_exists_at(int directory, const char *name);
ssize_t sys_read(int fd, void *buffer, size_t capacity);
int sys_give_descriptor(int fd, uint32_t user, uint32_t group);
/* Makes standard output and standard error the same as `fd`. */
int sys_redirect_output(int fd);
ssize_t sys_write(int fd, const void *bytes, size_t count);
/* Writes a line without waiting for a reader: -EAGAIN when a pipe or terminal has no room. */
ssize_t sys_write_line(int fd, const void *bytes, size_t count);

/* ---- names and addresses; each answers how many of `list` it filled ---- */
int sys_local_addresses(struct sys_address *list, int capacity);
/* 0: no such host. */
int sys_resolve(const char *name, struct sys_address *list, int capacity);
/* 0: no such interface. */
uint32_t sys_interface_index(const char *name);
int sys_host_name(char *buffer, size_t capacity);

/* ---- identity ---- */
uint32_t sys_effective_user(void);
/* 1 found, 0 no such user or group. */
int sys_find_user(const char *name, uint32_t *user, uint32_t *group);
int sys_find_group(const char *name, uint32_t *group);
/* chdir, then chroot. */
int sys_enter_root(const char *path);
/* Supplementary groups = { group }, then group, then user. */
int sys_become(uint32_t user, uint32_t group);

/* ---- the rest ---- */
uint64_t sys_monotonic_nanoseconds(void);
int64_t sys_wall_seconds(void);
/* Microseconds within the second of the wall clock are stored in *microseconds. */
int64_t sys_wall_time(int32_t *microseconds);
/* strftime in local time (UTC when `utc`); bytes written, 0 when it does not fit. */
size_t sys_format_time(char *buffer, size_t capacity, const char *format, int64_t seconds, int utc);
int sys_random(void *buffer, size_t count);
/* Raises the limit of open descriptors to `wanted` or as far as allowed; the limit now in force. */
int sys_raise_descriptor_limit(int wanted);
/* The i-th word of the command line, the first is the program; NULL behind the last. Swift's own list is empty where
 * /proc is not mounted. */
const char *sys_argument(int i);
/* Once, at the start: what large buffers need comes from the system by itself. In a heap that a burst made large, the
 * few small things that stay keep its pages. */
void sys_keep_heap_small(void);
/* Hands free memory back to the system where the C library keeps it. */
void sys_release_memory(void);
const char *sys_error_text(int error);
const char *sys_environment(const char *name);
_Noreturn void sys_exit(int code);

/* errno values the shell distinguishes. */
extern const int sys_eagain, sys_econnreset, sys_emfile, sys_enfile, sys_enobufs, sys_enomem, sys_eaddrinuse,
    sys_eaddrnotavail, sys_eacces, sys_enoent, sys_econnrefused, sys_eexist;
