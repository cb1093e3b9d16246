/* Sockets, waiting and time for the client library (c-api 5 and 6). See CSpreadSocket.h. */

#define _GNU_SOURCE
#include "CSpreadSocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(csp_piece) == sizeof(struct iovec), "csp_piece is an iovec");
_Static_assert(offsetof(csp_piece, length) == offsetof(struct iovec, iov_len), "csp_piece is an iovec");

/* Puts bytes skip..<total of the run into `vector` (room for CSP_MAX_PIECES + 2); answers how many entries. */
static size_t gather(struct iovec *vector, const csp_run *run, size_t skip, size_t total) {
  size_t used = 0, at = 0;
  for (size_t i = 0; i < run->count + 2 && at < total; i++) {
    const csp_piece *piece = i == 0 ? &run->first : i == 1 ? &run->second : &run->rest[i - 2];
    size_t length = piece->length < total - at ? piece->length : total - at;
    size_t from = skip > at ? skip - at : 0;
    if (from < length) {
      vector[used].iov_base = (char *)piece->base + from;
      vector[used].iov_len = length - from;
      used++;
    }
    at += length;
  }
  return used;
}

static ssize_t outcome(ssize_t result) {
  if (result >= 0) return result;
  return errno == EAGAIN || errno == EWOULDBLOCK ? CSP_WOULD_BLOCK : CSP_BROKEN;
}

ssize_t csp_send(int fd, const csp_run *run, size_t skip, size_t total) {
  struct iovec vector[CSP_MAX_PIECES + 2];
  struct msghdr message = {.msg_iov = vector};
  ssize_t result;
  message.msg_iovlen = gather(vector, run, skip, total);
  do {
    result = sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (result < 0 && errno == EINTR);
  return outcome(result);
}

ssize_t csp_receive(int fd, const csp_run *run, size_t skip, size_t total) {
  struct iovec vector[CSP_MAX_PIECES + 2];
  struct msghdr message = {.msg_iov = vector};
  ssize_t result;
  message.msg_iovlen = gather(vector, run, skip, total);
  do {
    result = message.msg_iovlen == 1 ? recv(fd, vector[0].iov_base, vector[0].iov_len, MSG_WAITALL)
                                     : recvmsg(fd, &message, MSG_WAITALL);
  } while (result < 0 && errno == EINTR);
  return outcome(result);
}

_Static_assert(sizeof(((csp_address *)0)->bytes) >= sizeof(struct sockaddr_storage), "an address fits");

static const struct sockaddr *raw_const(const csp_address *address) {
  return (const struct sockaddr *)address->bytes;
}

void csp_unix_address(uint16_t port, csp_address *address) {
  struct sockaddr_un *un = (struct sockaddr_un *)address->bytes;
  memset(address, 0, sizeof *address);
  un->sun_family = AF_UNIX;
  snprintf(un->sun_path, sizeof un->sun_path, "/tmp/%u", (unsigned)port);
  address->length = sizeof *un;
}

int csp_resolve(const char *host, uint16_t port, csp_address *address) {
  struct addrinfo hints = {.ai_family = PF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
  struct addrinfo *list = NULL;
  int error = getaddrinfo(host, NULL, &hints, &list);
  if (error != 0) return error == EAI_NONAME ? 1 : 2;
  const struct addrinfo *found = list;
  while (found && found->ai_family != AF_INET && found->ai_family != AF_INET6) found = found->ai_next;
  if (found) {
    memset(address, 0, sizeof *address);
    memcpy(address->bytes, found->ai_addr, found->ai_addrlen);
    address->length = found->ai_addrlen;
    if (found->ai_family == AF_INET) {
      ((struct sockaddr_in *)address->bytes)->sin_port = htons(port);
    } else {
      ((struct sockaddr_in6 *)address->bytes)->sin6_port = htons(port);
    }
  }
  freeaddrinfo(list);
  return found ? 0 : 2;
}

/* c-api 5: both buffers grow from 10 to 200 KiB in steps of 5, until the kernel grants less. */
static void enlarge(int fd, int option) {
  for (int size = 10 * 1024; size <= 200 * 1024; size += 5 * 1024) {
    int granted = 0;
    socklen_t length = sizeof granted;
    if (setsockopt(fd, SOL_SOCKET, option, &size, sizeof size) < 0) return;
    if (getsockopt(fd, SOL_SOCKET, option, &granted, &length) < 0 || granted < size) return;
  }
}

int csp_open(const csp_address *address) {
  int family = raw_const(address)->sa_family;
  int on = 1;
  int fd = socket(family, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  if (family != AF_UNIX) {
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  enlarge(fd, SO_SNDBUF);
  enlarge(fd, SO_RCVBUF);
  if (csp_set_blocking(fd, 0) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

int csp_connect(int fd, const csp_address *address) {
  if (connect(fd, raw_const(address), address->length) == 0 || errno == EISCONN) return CSP_CONNECTED;
  if (errno == EAGAIN) return CSP_QUEUE_FULL;
  if (errno == EINTR) return raw_const(address)->sa_family == AF_UNIX ? CSP_QUEUE_FULL : CSP_IN_PROGRESS;
  return errno == EINPROGRESS || errno == EALREADY ? CSP_IN_PROGRESS : CSP_REFUSED;
}

int csp_is_connected(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

int csp_set_blocking(int fd, int blocking) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  return fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int csp_unread(int fd) {
  int count = 0;
  return ioctl(fd, FIONREAD, &count) < 0 ? -1 : count;
}

void csp_shutdown(int fd) { (void)shutdown(fd, SHUT_RDWR); }

void csp_end(int fd, int64_t deadline) {
  char scratch[4096];
  ssize_t result;
  if (shutdown(fd, SHUT_WR) < 0) return;
  do {
    if (csp_wait(fd, 0, deadline) == 0) return;
    result = recv(fd, scratch, sizeof scratch, MSG_DONTWAIT);
  } while (result > 0 || (result < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)));
}

void csp_close(int fd) { (void)close(fd); }

int64_t csp_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int csp_wait(int fd, int for_writing, int64_t deadline) {
  struct pollfd entry = {.fd = fd, .events = for_writing ? POLLOUT : POLLIN};
  for (;;) {
    int timeout = -1;
    if (deadline != CSP_NEVER) {
      int64_t left = deadline - csp_now();
      if (left <= 0) return 0;
      int64_t milliseconds = (left + 999999) / 1000000;
      timeout = milliseconds > 1000000 ? 1000000 : (int)milliseconds;
    }
    int result = poll(&entry, 1, timeout);
    /* A failing poll is left to the read or write that follows. */
    if (result > 0 || (result < 0 && errno != EINTR)) return 1;
  }
}

int csp_is_readable(int fd) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  int result;
  do {
    result = poll(&entry, 1, 0);
  } while (result < 0 && errno == EINTR);
  return result != 0;
}

void csp_sleep(int64_t nanoseconds) {
  struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
  (void)nanosleep(&time, NULL);
}
