/* Errors and clocks of one's choice for a daemon: cc -shared -fPIC errors.c -o errors.so -ldl, LD_PRELOAD=errors.so.
 *
 * The file named by ERRORS holds a struct control, shared with the test, which may change it at any time:
 * which part of the calls fails with EINTR, which part of the datagrams with ENOBUFS, and by how many seconds the clock
 * is wrong. What was forced is counted there, so that a test can tell that it happened. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
  int64_t clock_seconds;
  /* In 1000 calls. */
  int64_t interrupted, no_buffers;
  int64_t interrupted_count, no_buffers_count;
};

static struct control none, *control = &none;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("ERRORS");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory != MAP_FAILED) control = memory;
  close(fd);
}

static int strikes(int64_t part, int64_t *count) {
  static _Thread_local uint64_t state = 88172645463325252u;
  if (part == 0) return 0;
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  if ((int64_t)(state % 1000) >= part) return 0;
  __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
  return 1;
}

static int interrupted(void) {
  if (!strikes(control->interrupted, &control->interrupted_count)) return 0;
  errno = EINTR;
  return 1;
}

#define REAL(name)                               \
  static __typeof__(&name) real;                 \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  REAL(sendmsg);
  if (interrupted()) return -1;
  /* With an address: a datagram to other daemons. */
  if (message->msg_name && strikes(control->no_buffers, &control->no_buffers_count)) {
    errno = ENOBUFS;
    return -1;
  }
  return real(fd, message, flags);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  REAL(recvmmsg);
  return interrupted() ? -1 : real(fd, messages, count, flags, timeout);
}

ssize_t recv(int fd, void *buffer, size_t size, int flags) {
  REAL(recv);
  return interrupted() ? -1 : real(fd, buffer, size, flags);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
  REAL(send);
  return interrupted() ? -1 : real(fd, bytes, size, flags);
}

ssize_t read(int fd, void *buffer, size_t size) {
  REAL(read);
  return interrupted() ? -1 : real(fd, buffer, size);
}

ssize_t write(int fd, const void *bytes, size_t size) {
  REAL(write);
  return interrupted() ? -1 : real(fd, bytes, size);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
  REAL(accept4);
  return interrupted() ? -1 : real(fd, address, length, flags);
}

int epoll_wait(int set, struct epoll_event *events, int count, int timeout) {
  REAL(epoll_wait);
  return interrupted() ? -1 : real(set, events, count, timeout);
}

/* epoll_pwait2 comes this way. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
#ifdef SYS_epoll_pwait2
  if (number == SYS_epoll_pwait2 && interrupted()) return -1;
#endif
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  REAL(clock_gettime);
  int result = real(clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += control->clock_seconds;
  return result;
}
