#define _GNU_SOURCE
#include "CSpreadNetwork.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CSpreadSystem.h"
#include "retry.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

const int sys_einval = EINVAL, sys_eio = EIO, sys_emsgsize = EMSGSIZE;

static socklen_t to_sockaddr(const struct sys_address *from, struct sockaddr_in6 *to) {
  if (from->family == 6) {
    *to = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(from->port), .sin6_scope_id = from->scope};
    memcpy(&to->sin6_addr, from->v6, 16);
    return sizeof *to;
  }
  struct sockaddr_in v4 = {
      .sin_family = AF_INET, .sin_port = htons(from->port), .sin_addr.s_addr = htonl(from->v4)};
  memcpy(to, &v4, sizeof v4);
  return sizeof v4;
}

static int set_option(int fd, int level, int option, int value) {
  return RESULT(setsockopt(fd, level, option, &value, sizeof value));
}

/* ---- sockets ---- */

int net_udp_socket(const struct sys_address *address, int shared) {
  struct sockaddr_in6 name;
  socklen_t length = to_sockaddr(address, &name);
  int result, fd = RESULT(socket(name.sin6_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  if ((result = set_option(fd, SOL_SOCKET, SO_BROADCAST, 1)) < 0) return close_with(fd, result);
  if (shared && (result = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) < 0) return close_with(fd, result);
  if (address->family == 6 && (result = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) < 0)
    return close_with(fd, result);
  if ((result = RESULT(bind(fd, (struct sockaddr *)&name, length))) < 0) return close_with(fd, result);
  return fd;
}

int net_join(int fd, const struct sys_address *group, const struct sys_address *interface) {
  if (group->family == 6) {
    struct ipv6_mreq request = {.ipv6mr_interface = interface->scope};
    memcpy(&request.ipv6mr_multiaddr, group->v6, 16);
    return RESULT(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request));
  }
  struct ip_mreqn request = {
      .imr_multiaddr.s_addr = htonl(group->v4), .imr_address.s_addr = htonl(interface->v4)};
  return RESULT(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request));
}

int net_send_multicast_on(int fd, const struct sys_address *interface) {
  if (interface->family == 6) {
    int result = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1);
    if (result < 0 || interface->scope == 0) return result;
    return set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)interface->scope);
  }
  struct ip_mreqn request = {.imr_address.s_addr = htonl(interface->v4)};
  int result = set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1);
  return result < 0 ? result : RESULT(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request));
}

int net_set_receive_buffer(int fd, int bytes) {
  int result = set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  return result < 0 ? set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes) : result;
}

int net_set_send_buffer(int fd, int bytes) {
  int result = set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes);
  return result < 0 ? set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes) : result;
}

/* ---- receiving ---- */

struct net_batch {
  int capacity;
  struct mmsghdr *headers;
  struct iovec *pieces;
  struct sockaddr_in6 *sources;
  char *bytes;
};

struct net_batch *net_batch_create(int count, int datagram_size) {
  struct net_batch *batch = malloc(sizeof *batch);
  if (!batch) abort();
  batch->capacity = count;
  batch->headers = calloc((size_t)count, sizeof *batch->headers);
  batch->pieces = calloc((size_t)count, sizeof *batch->pieces);
  batch->sources = calloc((size_t)count, sizeof *batch->sources);
  batch->bytes = aligned_alloc(64, ((size_t)count * (size_t)datagram_size + 63) / 64 * 64);
  if (!batch->headers || !batch->pieces || !batch->sources || !batch->bytes) abort();
  for (int i = 0; i < count; i++) {
    batch->pieces[i].iov_base = batch->bytes + (size_t)i * (size_t)datagram_size;
    batch->pieces[i].iov_len = (size_t)datagram_size;
    batch->headers[i].msg_hdr = (struct msghdr){
        .msg_name = &batch->sources[i], .msg_iov = &batch->pieces[i], .msg_iovlen = 1};
  }
  return batch;
}

void net_batch_destroy(struct net_batch *batch) {
  free(batch->headers);
  free(batch->pieces);
  free(batch->sources);
  free(batch->bytes);
  free(batch);
}

int net_batch_receive(struct net_batch *batch, int fd) {
  for (int i = 0; i < batch->capacity; i++) batch->headers[i].msg_hdr.msg_namelen = sizeof *batch->sources;
  return RESULT(recvmmsg(fd, batch->headers, (unsigned)batch->capacity, MSG_DONTWAIT, NULL));
}

const void *net_batch_datagram(const struct net_batch *batch, int i, size_t *length, struct sys_address *source) {
  const struct sockaddr_in6 *name = &batch->sources[i];
  *length = batch->headers[i].msg_hdr.msg_flags & MSG_TRUNC ? 0 : batch->headers[i].msg_len;
  if (name->sin6_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)name;
    source->family = 4;
    source->v4 = ntohl(v4->sin_addr.s_addr);
  } else {
    source->family = 6;
    source->scope = name->sin6_scope_id;
    memcpy(source->v6, name->sin6_addr.s6_addr, 16);
  }
  return batch->pieces[i].iov_base;
}

/* ---- sending ---- */

ssize_t net_send(int fd, const struct sys_address *to, struct iovec *pieces, int count, int segment) {
  struct sockaddr_in6 name;
  union {
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr header;
  } control;
  struct msghdr message = {
      .msg_name = &name, .msg_namelen = to_sockaddr(to, &name), .msg_iov = pieces, .msg_iovlen = (size_t)count};
  if (segment > 0) {
    uint16_t size = (uint16_t)segment;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(&control.header), &size, sizeof size);
  }
  return RETRY(ssize_t, sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* ---- small files ---- */

int net_replace_file(int directory, const char *name, const char *temporary, const void *bytes, size_t count) {
  int fd = RESULT(openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (fd < 0) return fd;
  ssize_t written = RETRY(ssize_t, write(fd, bytes, count));
  close(fd);
  if (written != (ssize_t)count) return written < 0 ? (int)written : -ENOSPC;
  return RESULT(renameat(directory, temporary, directory, name));
}

ssize_t net_read_file(int directory, const char *name, void *buffer, size_t capacity) {
  int fd = RESULT(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0) return fd;
  ssize_t count = RETRY(ssize_t, read(fd, buffer, capacity));
  close(fd);
  return count;
}
