/* What the ring's sockets need from Linux and Swift cannot import: UDP sockets, multicast, recvmmsg, UDP_SEGMENT.
 *
 * Thin, as CSpreadSystem.h: a function returns a value >= 0, or the negated errno; EINTR never comes back. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct sys_address;

/* ---- sockets ---- */
/* A non-blocking UDP socket bound to `address`, with SO_BROADCAST; SO_REUSEADDR when `shared`. An IPv6 socket is IPv6
 * only. */
int net_udp_socket(const struct sys_address *address, int shared);
/* Joins `group` on the interface that has the IPv4 address `interface`, or whose index is its scope. */
int net_join(int fd, const struct sys_address *group, const struct sys_address *interface);
/* Multicast leaves on that interface, goes one hop, and comes back to this machine. */
int net_send_multicast_on(int fd, const struct sys_address *interface);
/* Asks for socket buffers of `bytes`, beyond the system's limit where that is allowed. */
int net_set_receive_buffer(int fd, int bytes);
int net_set_send_buffer(int fd, int bytes);

/* ---- receiving ---- */
/* Room for some datagrams and their senders. */
struct net_batch;
struct net_batch *net_batch_create(int count, int datagram_size);
void net_batch_destroy(struct net_batch *batch);
/* Datagrams read, without waiting: -EAGAIN when there are none. */
int net_batch_receive(struct net_batch *batch, int fd);
/* The i-th of them. A datagram that was larger than its room has the length 0. */
const void *net_batch_datagram(const struct net_batch *batch, int i, size_t *length, struct sys_address *source);

/* ---- sending ---- */
/* One datagram made of `pieces`; with `segment` > 0 one datagram of that many bytes after the other, the last one
 * maybe shorter (UDP_SEGMENT). Never waits. Bytes taken. */
ssize_t net_send(int fd, const struct sys_address *to, struct iovec *pieces, int count, int segment);

/* ---- small files ---- */
/* Replaces the file `name` in `directory` as a whole, by way of `temporary`. */
int net_replace_file(int directory, const char *name, const char *temporary, const void *bytes, size_t count);
/* Bytes read from the beginning of the file. */
ssize_t net_read_file(int directory, const char *name, void *buffer, size_t capacity);

/* errno values. */
extern const int sys_einval, sys_eio, sys_emsgsize;
