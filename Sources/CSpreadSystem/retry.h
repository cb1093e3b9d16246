/* What both files share. */
#ifndef RETRY_H
#define RETRY_H

#include <errno.h>
#include <unistd.h>

/* The value of a call that is repeated while signals interrupt it; the negated errno when it fails. */
#define RETRY(type, call)                        \
  ({                                             \
    type result_;                                \
    do result_ = (call);                         \
    while (result_ < 0 && errno == EINTR);       \
    result_ < 0 ? -(type)errno : result_;        \
  })
#define RESULT(call) RETRY(int, call)

static inline int close_with(int fd, int result) {
  close(fd);
  return result;
}

#endif
