/* See harness.h. */

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const int cases_rows[11] = {23, 57, 23, 18, 66, 55, 71, 65, 5, 16, 5};

enum { never_run, passed_row, failed_row, skipped_row };
static int states[11][100];
static const char *reasons[11][100];
static char last_row[8] = "none";
static int patience = 0;

static int letter_of(const char *id) { return id[0] - 'A'; }
static int number_of(const char *id) { return atoi(id + 1); }

static int *state_of(const char *id) {
  int letter = letter_of(id), number = number_of(id);
  if (letter < 0 || letter > 10 || number < 1 || number > cases_rows[letter]) {
    printf("no such row: %s\n", id);
    exit(2);
  }
  return &states[letter][number];
}

static int *reported(const char *id) {
  snprintf(last_row, sizeof last_row, "%s", id);
  alarm((unsigned)patience);
  return state_of(id);
}

void row_passed(const char *id) {
  int *state = reported(id);
  if (*state == never_run) *state = passed_row;
}

void row_failed(const char *id, const char *format, ...) {
  va_list arguments;
  *reported(id) = failed_row;
  va_start(arguments, format);
  printf("FAIL %s: ", id);
  vprintf(format, arguments);
  printf("\n");
  fflush(stdout);
  va_end(arguments);
}

void skip(const char *id, const char *reason) {
  *state_of(id) = skipped_row;
  reasons[letter_of(id)][number_of(id)] = reason;
}

void skip_rows(const char *first, const char *last, const char *reason) {
  for (int n = number_of(first); n <= number_of(last); n++) {
    char id[16];
    snprintf(id, sizeof id, "%c%02d", first[0], n);
    skip(id, reason);
  }
}

int summary(void) {
  int counts[4] = {0, 0, 0, 0};
  for (int letter = 0; letter < 11; letter++) {
    for (int n = 1; n <= cases_rows[letter]; n++) {
      counts[states[letter][n]]++;
      if (states[letter][n] == never_run) printf("FAIL %c%02d: never run\n", 'A' + letter, n);
      if (states[letter][n] == skipped_row) printf("SKIP %c%02d: %s\n", 'A' + letter, n, reasons[letter][n]);
    }
  }
  int failed = counts[failed_row] + counts[never_run];
  printf("%d passed, %d failed, %d skipped\n", counts[passed_row], failed, counts[skipped_row]);
  return failed > 0;
}

static void barked(int number) {
  char line[64];
  (void)number;
  int length = snprintf(line, sizeof line, "FAIL: hangs after row %s\n", last_row);
  if (write(1, line, (size_t)length) < 0) _exit(3);
  _exit(2);
}

void watchdog(int seconds) {
  patience = seconds;
  signal(SIGALRM, barked);
  alarm((unsigned)patience);
}

struct rx R;

static void preset(int drop) {
  memset(&R, FILL, sizeof R);
  R.type = drop;
  R.num_groups = UNSET;
  R.mess_type = (int16)UNSET;
  R.mismatch = UNSET;
}

int rx_now(mailbox m, int drop, int max_groups, int max_length) {
  preset(drop);
  R.result = SP_receive(m, &R.type, R.sender, max_groups, &R.num_groups, R.groups, &R.mess_type, &R.mismatch,
                        max_length, R.body);
  return R.result;
}

int rx(mailbox m, int drop, int max_groups, int max_length) {
  struct pollfd p;
  p.fd = m;
  p.events = POLLIN;
  if (poll(&p, 1, 5000) == 0) {
    preset(drop);
    return R.result = LATE;
  }
  return rx_now(m, drop, max_groups, max_length);
}

static int all_fill(const void *memory, size_t length) {
  const unsigned char *bytes = (const unsigned char *)memory;
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] != FILL) return 0;
  }
  return 1;
}

int arrays_untouched(void) { return all_fill(R.groups, sizeof R.groups) && all_fill(R.body, sizeof R.body); }

int outputs_untouched(void) {
  return R.type == 0 && R.num_groups == UNSET && R.mess_type == (int16)UNSET && R.mismatch == UNSET &&
         all_fill(R.sender, sizeof R.sender) && arrays_untouched();
}

int quiet(mailbox m, int milliseconds) {
  struct pollfd p;
  p.fd = m;
  p.events = POLLIN;
  return poll(&p, 1, milliseconds) == 0 && SP_poll(m) == 0;
}

const char *daemon_name;
char daemon_host[128];
unsigned daemon_port;

mailbox user(const char *name, int membership, char *private_group) {
  char ignored[MAX_GROUP_NAME];
  mailbox m = -1;
  int result = 0;
  for (int attempt = 0; attempt < 100; attempt++) {
    result = SP_connect(daemon_name, name, 0, membership, &m, private_group ? private_group : ignored);
    if (result != REJECT_NOT_UNIQUE) break;
    pause_ms(50);
  }
  if (result != ACCEPT_SESSION) {
    printf("FAIL: cannot connect %s to %s after row %s: %d\n", name, daemon_name, last_row, result);
    exit(2);
  }
  return m;
}

const char *fresh_group(void) {
  static char names[8][MAX_GROUP_NAME];
  static int next = 0;
  char *name = names[next % 8];
  snprintf(name, MAX_GROUP_NAME, "g%d-%d", (int)getpid(), next++);
  return name;
}

void gone(mailbox m) { SP_disconnect(m); }

double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void pause_ms(int milliseconds) {
  struct timespec t;
  t.tv_sec = milliseconds / 1000;
  t.tv_nsec = (milliseconds % 1000) * 1000000L;
  while (nanosleep(&t, &t) < 0 && errno == EINTR) {
  }
}

void put(int fd, const void *bytes, int length) {
  const char *at = (const char *)bytes;
  while (length > 0) {
    ssize_t n = send(fd, at, (size_t)length, MSG_NOSIGNAL);
    if (n <= 0) return;
    at += n;
    length -= (int)n;
  }
}

int take(int fd, void *bytes, int length) {
  char *at = (char *)bytes;
  int done = 0;
  while (done < length) {
    ssize_t n = recv(fd, at + done, (size_t)(length - done), 0);
    if (n <= 0) break;
    done += (int)n;
  }
  return done;
}

void await_close(int fd) {
  char bytes[4096];
  while (recv(fd, bytes, sizeof bytes, 0) > 0) {
  }
}

void greet(int fd) {
  unsigned char hello[15], choice[90];
  take(fd, hello, 5);
  take(fd, hello + 5, hello[4]);
  put(fd, "\005NULL ", 6);
  take(fd, choice, 90);
  put(fd, "\001\005\000\001\004#a#b", 9);
}

static int listen_somewhere(int *port) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 50) < 0 ||
      getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
    perror("scripted server");
    exit(2);
  }
  *port = ntohs(address.sin_port);
  return fd;
}

void serve(struct server *s, void (*script)(int fd, int report)) {
  int ends[2];
  int listener = listen_somewhere(&s->port);
  if (pipe(ends) < 0) exit(2);
  snprintf(s->name, sizeof s->name, "%d@127.0.0.1", s->port);
  fflush(stdout);
  s->pid = (int)fork();
  if (s->pid == 0) {
    signal(SIGALRM, SIG_DFL);
    alarm(30);
    close(ends[0]);
    int fd = accept(listener, NULL, NULL);
    close(listener);
    script(fd, ends[1]);
    _exit(0);
  }
  close(ends[1]);
  close(listener);
  s->from_child = ends[0];
}

int served(struct server *s, char *report, int size) {
  int status = 0, done = 0;
  while (report && done < size) {
    ssize_t n = read(s->from_child, report + done, (size_t)(size - done));
    if (n <= 0) break;
    done += (int)n;
  }
  close(s->from_child);
  while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) {
  }
  return done;
}

void word(struct message *m, unsigned value, int big) {
  for (int i = 0; i < 4; i++) m->bytes[m->length++] = (unsigned char)(value >> (big ? 24 - 8 * i : 8 * i));
}

void text(struct message *m, const char *bytes, int length) {
  memcpy(m->bytes + m->length, bytes, (size_t)length);
  m->length += length;
}

void name32(struct message *m, const char *name) {
  memset(m->bytes + m->length, 0, MAX_GROUP_NAME);
  memcpy(m->bytes + m->length, name, strlen(name));
  m->length += MAX_GROUP_NAME;
}

void header(struct message *m, int big, int big_hint, unsigned type, const char *name, int groups, int mess_type,
            int length) {
  unsigned hint = ((unsigned)mess_type << 8) & 0x00ffff00u;
  word(m, type | (big ? 0 : ENDIAN_RESERVED), big);
  name32(m, name);
  word(m, (unsigned)groups, big);
  word(m, hint | (big_hint ? 0 : ENDIAN_RESERVED), big_hint);
  word(m, (unsigned)length, big);
}

static const struct message *script_message;
static int script_gap, script_closes;

static void send_message(int fd, int report) {
  (void)report;
  greet(fd);
  if (script_gap == 0) {
    put(fd, script_message->bytes, script_message->length);
  } else {
    for (int i = 0; i < script_message->length; i++) {
      put(fd, script_message->bytes + i, 1);
      pause_ms(script_gap);
    }
  }
  if (!script_closes) await_close(fd);
}

mailbox scripted(struct server *s, const struct message *m, int gap_ms, int closes) {
  mailbox mbox = -1;
  char group[MAX_GROUP_NAME];
  script_message = m;
  script_gap = gap_ms;
  script_closes = closes;
  serve(s, send_message);
  int result = SP_connect(s->name, "a", 0, 1, &mbox, group);
  if (result != ACCEPT_SESSION) {
    printf("FAIL: cannot connect to the scripted server after row %s: %d\n", last_row, result);
    exit(2);
  }
  return mbox;
}
