#define _GNU_SOURCE
#include "CSpreadSystem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "retry.h"

const int sys_eagain = EAGAIN, sys_econnreset = ECONNRESET, sys_emfile = EMFILE, sys_enfile = ENFILE,
          sys_enobufs = ENOBUFS, sys_enomem = ENOMEM, sys_eaddrinuse = EADDRINUSE, sys_eaddrnotavail = EADDRNOTAVAIL,
          sys_eacces = EACCES, sys_enoent = ENOENT, sys_econnrefused = ECONNREFUSED, sys_eexist = EEXIST;

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* ---- readiness ---- */

int sys_epoll_create(void) { return RESULT(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int set, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  return RESULT(epoll_ctl(set, operation, fd, &event));
}
int sys_epoll_add(int set, int fd, uint32_t events, uint64_t token) {
  return control(set, EPOLL_CTL_ADD, fd, events, token);
}
int sys_epoll_modify(int set, int fd, uint32_t events, uint64_t token) {
  return control(set, EPOLL_CTL_MOD, fd, events, token);
}
int sys_epoll_remove(int set, int fd) { return control(set, EPOLL_CTL_DEL, fd, 0, 0); }

int sys_epoll_wait(int set, struct epoll_event *events, int capacity, int64_t timeout_ns) {
  static int has_pwait2 = 1;
  int count = -1;
  if (has_pwait2 && timeout_ns > 0) {
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    count = (int)syscall(SYS_epoll_pwait2, set, events, capacity, &timeout, NULL, 0);
    if (count >= 0 || errno == EINTR) return count < 0 ? 0 : count;
    /* Linux before 5.11: milliseconds. */
    has_pwait2 = 0;
  }
  count = epoll_wait(set, events, capacity, timeout_ns <= 0 ? (int)timeout_ns : (int)((timeout_ns + 999999) / 1000000));
  return count >= 0 ? count : errno == EINTR ? 0 : -errno;
}

/* ---- sockets ---- */

static socklen_t to_sockaddr(const struct sys_address *from, struct sockaddr_storage *to) {
  memset(to, 0, sizeof *to);
  if (from->family == 6) {
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from->port);
    v6->sin6_scope_id = from->scope;
    memcpy(&v6->sin6_addr, from->v6, 16);
    return sizeof *v6;
  }
  struct sockaddr_in *v4 = (struct sockaddr_in *)to;
  v4->sin_family = AF_INET;
  v4->sin_port = htons(from->port);
  v4->sin_addr.s_addr = htonl(from->v4);
  return sizeof *v4;
}

static void from_sockaddr(const struct sockaddr_storage *from, struct sys_address *to) {
  memset(to, 0, sizeof *to);
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    to->family = 4;
    to->v4 = ntohl(v4->sin_addr.s_addr);
    to->port = ntohs(v4->sin_port);
  } else if (from->ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    to->port = ntohs(v6->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      to->family = 4;
      memcpy(&to->v4, v6->sin6_addr.s6_addr + 12, 4);
      to->v4 = ntohl(to->v4);
    } else {
      to->family = 6;
      to->scope = v6->sin6_scope_id;
      memcpy(to->v6, &v6->sin6_addr, 16);
    }
  }
}

static int stream_socket(int family) { return RESULT(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

static int set_option(int fd, int level, int option, int value) {
  return RESULT(setsockopt(fd, level, option, &value, sizeof value));
}

int sys_listen_tcp(const struct sys_address *address, int backlog, int reuse) {
  struct sockaddr_storage name;
  socklen_t length = to_sockaddr(address, &name);
  int fd = stream_socket(name.ss_family), result;
  if (fd < 0) return fd;
  if (reuse && (result = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) < 0) return close_with(fd, result);
  if (address->family == 6 && (result = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) < 0)
    return close_with(fd, result);
  if ((result = RESULT(bind(fd, (struct sockaddr *)&name, length))) < 0) return close_with(fd, result);
  if ((result = RESULT(listen(fd, backlog))) < 0) return close_with(fd, result);
  return fd;
}

static int unix_address(const char *path, struct sockaddr_un *name) {
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof name->sun_path) return -ENAMETOOLONG;
  strcpy(name->sun_path, path);
  return 0;
}

int sys_listen_unix(const char *path, int backlog) {
  struct sockaddr_un name;
  int result = unix_address(path, &name), fd;
  if (result < 0) return result;
  if ((fd = stream_socket(AF_UNIX)) < 0) return fd;
  /* The umask is one for all threads; the daemon has one, its tests have several. */
  static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&turn);
  mode_t before = umask(0111);
  result = RESULT(bind(fd, (struct sockaddr *)&name, sizeof name));
  umask(before);
  pthread_mutex_unlock(&turn);
  if (result < 0) return close_with(fd, result);
  if ((result = RESULT(listen(fd, backlog))) < 0) return close_with(fd, result);
  return fd;
}

int sys_probe_unix(const char *path) {
  struct sockaddr_un name;
  int result = unix_address(path, &name), fd;
  if (result < 0) return result;
  if ((fd = stream_socket(AF_UNIX)) < 0) return fd;
  return close_with(fd, RESULT(connect(fd, (struct sockaddr *)&name, sizeof name)));
}

int sys_connect_notices(const char *address) {
  struct sockaddr_un name;
  int result = unix_address(address, &name), fd;
  if (result < 0) return result;
  /* An abstract name begins with NUL and is as long as its length says. */
  if (name.sun_path[0] == '@') name.sun_path[0] = 0;
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address) + (*address == '@' ? 0 : 1));
  if ((fd = RESULT(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))) < 0) return fd;
  if ((result = RESULT(connect(fd, (struct sockaddr *)&name, length))) < 0) return close_with(fd, result);
  return fd;
}

ssize_t sys_send_notice(int fd, const void *bytes, size_t count) {
  return RETRY(ssize_t, send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int sys_local_port(int fd) {
  struct sockaddr_storage name = {0};
  socklen_t length = sizeof name;
  struct sys_address address;
  int result = RESULT(getsockname(fd, (struct sockaddr *)&name, &length));
  if (result < 0) return result;
  from_sockaddr(&name, &address);
  return address.port;
}

int sys_accept(int listener, struct sys_address *peer) {
  struct sockaddr_storage name = {0};
  socklen_t length = sizeof name;
  int fd = RESULT(accept4(listener, (struct sockaddr *)&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd >= 0) from_sockaddr(&name, peer);
  return fd;
}

int sys_tune_tcp(int fd) {
  int result = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  return result < 0 ? result : set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

int sys_set_buffers(int fd, int bytes) {
  int result = set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes);
  return result < 0 ? result : set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

ssize_t sys_receive(int fd, void *buffer, size_t capacity) {
  return RETRY(ssize_t, recv(fd, buffer, capacity, MSG_DONTWAIT));
}

ssize_t sys_send(int fd, struct iovec *pieces, int count) {
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
  return RETRY(ssize_t, sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int sys_shutdown_write(int fd) { return RESULT(shutdown(fd, SHUT_WR)); }

void sys_close(int fd) { close(fd); }

/* ---- signals ---- */

int sys_signal_descriptor(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  signal(SIGPIPE, SIG_IGN);
  if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
  return RESULT(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

int sys_next_signal(int fd) {
  struct signalfd_siginfo info;
  ssize_t count = RETRY(ssize_t, read(fd, &info, sizeof info));
  return count < 0 ? (int)count : (int)info.ssi_signo;
}

/* ---- files ---- */

int sys_open_directory(const char *path) { return RESULT(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)); }

int sys_lock_directory(const char *path) {
  int fd = RESULT(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  /* Anybody may lock a directory like /tmp, for however long. */
  for (int tries = 300; fd >= 0 && tries > 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; tries--) usleep(10000);
  return fd;
}

int sys_file_status(int directory, const char *name, struct sys_file *status) {
  struct stat found;
  int result = RESULT(fstatat(directory < 0 ? AT_FDCWD : directory, name, &found, AT_SYMLINK_NOFOLLOW));
  if (result < 0) return result;
  status->kind = S_ISSOCK(found.st_mode)  ? sys_file_socket
                 : S_ISDIR(found.st_mode) ? sys_file_directory
                                          : sys_file_other;
  status->device = found.st_dev;
  status->inode = found.st_ino;
  status->owner = found.st_uid;
  status->mode = found.st_mode & 07777;
  return 0;
}

int sys_remove_file(int directory, const char *name) {
  return RESULT(unlinkat(directory < 0 ? AT_FDCWD : directory, name, 0));
}
int sys_make_directory(const char *path, uint32_t mode) { return RESULT(mkdir(path, mode)); }
int sys_change_owner(const char *path, uint32_t user, uint32_t group) { return RESULT(lchown(path, user, group)); }
int sys_file_exists(const char *path) { return access(path, F_OK) == 0; }
int sys_open_log(int directory, const char *name) {
  return RESULT(openat(directory, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
}
int sys_open_reading(const char *path) { return RESULT(open(path, O_RDONLY | O_CLOEXEC)); }
int sys_open_reading_at(int directory, const char *name) {
  return RESULT(openat(directory, name, O_RDONLY | O_CLOEXEC));
}
int sys_file_exists_at(int directory, const char *name) { return faccessat(directory, name, F_OK, 0) == 0; }
ssize_t sys_read(int fd, void *buffer, size_t capacity) { return RETRY(ssize_t, read(fd, buffer, capacity)); }
int sys_give_descriptor(int fd, uint32_t user, uint32_t group) { return RESULT(fchown(fd, user, group)); }
int sys_redirect_output(int fd) {
  int result = RESULT(dup2(fd, 1));
  return result < 0 ? result : RESULT(dup2(fd, 2));
}

ssize_t sys_write(int fd, const void *bytes, size_t count) { return RETRY(ssize_t, write(fd, bytes, count)); }

ssize_t sys_write_line(int fd, const void *bytes, size_t count) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  if (RESULT(poll(&room, 1, 0)) == 0) return -EAGAIN;
  return RETRY(ssize_t, write(fd, bytes, count));
}

/* ---- names and addresses ---- */

int sys_local_addresses(struct sys_address *list, int capacity) {
  struct ifaddrs *all;
  int count = 0;
  if (getifaddrs(&all) < 0) return -errno;
  for (struct ifaddrs *each = all; each && count < capacity; each = each->ifa_next) {
    if (!each->ifa_addr) continue;
    if (each->ifa_addr->sa_family != AF_INET && each->ifa_addr->sa_family != AF_INET6) continue;
    from_sockaddr((struct sockaddr_storage *)each->ifa_addr, &list[count++]);
  }
  freeifaddrs(all);
  return count;
}

int sys_resolve(const char *name, struct sys_address *list, int capacity) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *all;
  int count = 0;
  if (getaddrinfo(name, NULL, &hints, &all) != 0) return 0;
  for (struct addrinfo *each = all; each && count < capacity; each = each->ai_next)
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6)
      from_sockaddr((struct sockaddr_storage *)each->ai_addr, &list[count++]);
  freeaddrinfo(all);
  return count;
}

uint32_t sys_interface_index(const char *name) { return if_nametoindex(name); }

int sys_host_name(char *buffer, size_t capacity) {
  int result = RESULT(gethostname(buffer, capacity));
  if (capacity > 0) buffer[capacity - 1] = 0;
  return result;
}

/* ---- identity ---- */

uint32_t sys_effective_user(void) { return geteuid(); }

int sys_find_user(const char *name, uint32_t *user, uint32_t *group) {
  struct passwd *found = getpwnam(name);
  if (!found) return 0;
  *user = found->pw_uid;
  *group = found->pw_gid;
  return 1;
}

int sys_find_group(const char *name, uint32_t *group) {
  struct group *found = getgrnam(name);
  if (!found) return 0;
  *group = found->gr_gid;
  return 1;
}

int sys_enter_root(const char *path) {
  int result = RESULT(chdir(path));
  return result < 0 ? result : RESULT(chroot("."));
}

int sys_become(uint32_t user, uint32_t group) {
  gid_t groups[1] = {group};
  int result;
  if ((result = RESULT(setgroups(1, groups))) < 0) return result;
  if ((result = RESULT(setgid(group))) < 0) return result;
  return RESULT(setuid(user));
}

/* ---- the rest ---- */

static struct timespec read_clock(clockid_t clock) {
  struct timespec time = {0};
  clock_gettime(clock, &time);
  return time;
}

uint64_t sys_monotonic_nanoseconds(void) {
  struct timespec time = read_clock(CLOCK_MONOTONIC);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int64_t sys_wall_seconds(void) { return read_clock(CLOCK_REALTIME_COARSE).tv_sec; }

int64_t sys_wall_time(int32_t *microseconds) {
  struct timespec time = read_clock(CLOCK_REALTIME);
  *microseconds = (int32_t)(time.tv_nsec / 1000);
  return time.tv_sec;
}

size_t sys_format_time(char *buffer, size_t capacity, const char *format, int64_t seconds, int utc) {
  time_t time = seconds;
  struct tm parts;
  if (!(utc ? gmtime_r(&time, &parts) : localtime_r(&time, &parts))) return 0;
  return strftime(buffer, capacity, format, &parts);
}

int sys_random(void *buffer, size_t count) {
  ssize_t got = RETRY(ssize_t, getrandom(buffer, count, 0));
  return got < 0 ? (int)got : got == (ssize_t)count ? 0 : -EIO;
}

int sys_raise_descriptor_limit(int wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  if (limit.rlim_cur < (rlim_t)wanted) {
    limit.rlim_cur = limit.rlim_max < (rlim_t)wanted ? limit.rlim_max : (rlim_t)wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  }
  return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
}

void sys_keep_heap_small(void) {
#ifdef __GLIBC__
  /* Fixed: otherwise it grows to the largest buffer that was ever freed. Slabs of packets and the buffers of large
     messages, which are used again and again, are above it. */
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
#endif
}

void sys_release_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/* glibc hands them to constructors too. */
static int argument_count;
static char **arguments;
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
  argument_count = count;
  arguments = values;
}
const char *sys_argument(int i) { return i >= 0 && i < argument_count ? arguments[i] : NULL; }

const char *sys_error_text(int error) { return strerror(error); }
const char *sys_environment(const char *name) { return getenv(name); }
_Noreturn void sys_exit(int code) { exit(code); }
