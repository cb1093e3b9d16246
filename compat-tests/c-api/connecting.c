/* Rows A (without a connection), B (connecting) and C (handshake). */

#include "cases.h"
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_call(int fd, void *data) {
  (void)fd;
  (void)data;
  return 1;
}

void cases_a(void) {
  int a = -1, b = -1, c = -1, result;
  mailbox m = 777;
  group_id x, y;

  row("A01", SP_version(&a, &b, &c) == 1, "SP_version");
  row("A02", a == 5 && b == 0 && c == 1, "version %d.%d.%d", a, b, c);
  a = b = c = -1;
  row("A03", SP_version(NULL, &b, &c) == 0 && b == -1 && c == -1, "major NULL");
  row("A04", SP_version(&a, NULL, &c) == 0 && a == -1 && c == -1, "minor NULL");
  row("A05", SP_version(&a, &b, NULL) == 0 && a == -1 && b == -1, "patch NULL");
  row("A06", (result = SP_join(m, "g")) == ILLEGAL_SESSION, "%d", result);
  row("A07", (result = SP_join(m, "")) == ILLEGAL_GROUP, "%d", result);
  row("A08", (result = SP_leave(m, "g")) == ILLEGAL_SESSION, "%d", result);
  row("A09", (result = SP_multicast(m, RELIABLE_MESS, "g", 0, 1, "x")) == ILLEGAL_SESSION, "%d", result);
  row("A10", (result = SP_multicast(m, 0, "g", 0, 1, "x")) == ILLEGAL_SERVICE, "%d", result);
  row("A11", (result = rx_now(m, 0, 10, 100)) == ILLEGAL_SESSION, "%d", result);
  row("A12", outputs_untouched(), "outputs written");
  row("A13", (result = SP_poll(m)) == ILLEGAL_SESSION, "%d", result);
  row("A14", (result = SP_disconnect(m)) == ILLEGAL_SESSION, "%d", result);
  SP_kill(m);
  row("A15", 1, "SP_kill");
  x.id[0] = y.id[0] = 1;
  x.id[1] = y.id[1] = -2;
  x.id[2] = y.id[2] = 3;
  row("A16", SP_equal_group_ids(x, y) == 1, "equal ids");
  y.id[2] = 4;
  row("A17", SP_equal_group_ids(x, y) == 0, "different ids");

  static const int unknown[] = {0, 1, -10, -24};
  static const int known[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9, -11, -12, -13, -14, -15, -16, -17, -18, -19, -20};
  const char *common = SP_strerror(0);
  row("A18", common != NULL && common[0] != 0, "text of 0");
  for (int i = 0; i < 4; i++) row("A18", strcmp(SP_strerror(unknown[i]), common) == 0, "text of %d", unknown[i]);
  for (int i = 0; i < 19; i++) {
    const char *one = SP_strerror(known[i]);
    row("A18", one != NULL && one[0] != 0 && strcmp(one, common) != 0, "text of %d", known[i]);
    for (int j = 0; j < i; j++) row("A18", strcmp(one, SP_strerror(known[j])) != 0, "%d and %d", known[i], known[j]);
  }

  const char *names[4] = {"NULL", "NULL", "NULL", "NULL"};
  int (*calls[4])(int, void *) = {refuse_call, refuse_call, refuse_call, refuse_call};
  void *data[4] = {NULL, NULL, NULL, NULL};
  row("A19", SP_set_auth_method("abcdefghijklmnopqrstuvwxyzABCDE", refuse_call, NULL) == 0, "31 characters");
  row("A20", SP_set_auth_method("NULL", NULL, NULL) == 0, "no function");
  row("A21", SP_set_auth_methods(4, names, calls, data) == 0, "four methods");
  row("A22", SP_set_auth_methods(-1, names, calls, data) == 0, "-1 methods");
  calls[1] = NULL;
  row("A23", SP_set_auth_methods(2, names, calls, data) == 0, "one of two is NULL");
}

/* ---- B ---- */

static mailbox last_mailbox;
static char last_group[MAX_GROUP_NAME];

/* Connects under a name, with preset outputs; a mailbox that opened is closed again. */
static int attempt(const char *where, const char *name, int priority) {
  last_mailbox = UNSET;
  memset(last_group, FILL, sizeof last_group);
  int result = SP_connect(where, name, priority, 1, &last_mailbox, last_group);
  if (result == ACCEPT_SESSION) gone(last_mailbox);
  return result;
}

static int attempt_time(long sec, long usec) {
  static int next = 0;
  char name[16];
  sp_time t;
  t.sec = sec;
  t.usec = usec;
  snprintf(name, sizeof name, "t%d", next++);
  last_mailbox = UNSET;
  memset(last_group, FILL, sizeof last_group);
  int result = SP_connect_timeout(daemon_name, name, 0, 1, &last_mailbox, last_group, t);
  if (result == ACCEPT_SESSION) gone(last_mailbox);
  return result;
}

static void be_silent(int fd, int report) {
  (void)report;
  await_close(fd);
}

/* A listener that answers no more connection attempts. */
static int full_backlog(int *port, int *fillers, int count) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 0) < 0) return -1;
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -1;
  *port = ntohs(address.sin_port);
  for (int i = 0; i < count; i++) {
    fillers[i] = socket(AF_INET, SOCK_STREAM, 0);
    fcntl(fillers[i], F_SETFL, O_NONBLOCK);
    if (connect(fillers[i], (struct sockaddr *)&address, sizeof address) == 0) continue;
  }
  pause_ms(50);
  return fd;
}

static void b_mailbox(void) {
  mailbox m = UNSET;
  char group[MAX_GROUP_NAME];
  struct sigaction action;
  int on = 0, result;
  socklen_t length = sizeof on;
  result = SP_connect(daemon_name, "alice", 0, 1, &m, group);
  row("B01", result == ACCEPT_SESSION, "%d", result);
  if (result != ACCEPT_SESSION) return;
  row("B02", m >= 0, "mailbox %d", m);
  row("B03", strncmp(group, "#alice#", 7) == 0 && strlen(group) > 7, "%s", group);
  sigaction(SIGPIPE, NULL, &action);
  row("B04", action.sa_handler == SIG_IGN, "SIGPIPE is not ignored");
  row("B05", (fcntl(m, F_GETFL) & O_NONBLOCK) == 0, "not blocking");
  row("B06", (fcntl(m, F_GETFD) & FD_CLOEXEC) == 0, "close on exec");
  getsockopt(m, IPPROTO_TCP, TCP_NODELAY, &on, &length);
  row("B07", on != 0, "TCP_NODELAY off");
  on = 0;
  length = sizeof on;
  getsockopt(m, SOL_SOCKET, SO_KEEPALIVE, &on, &length);
  row("B08", on != 0, "SO_KEEPALIVE off");
  row("B41", (result = attempt(daemon_name, "Alice", 0)) == 1, "%d", result);
  row("B40", (result = attempt(daemon_name, "alice", 0)) == REJECT_NOT_UNIQUE, "%d", result);
  gone(m);
}

static void b_names(void) {
  char text[256];
  int result;
  row("B09", (result = attempt("abc", "x", 0)) == ILLEGAL_SPREAD, "%d", result);
  row("B10", (result = attempt("@127.0.0.1", "x", 0)) == ILLEGAL_SPREAD, "%d", result);
  snprintf(text, sizeof text, "%u#%s", daemon_port, daemon_host);
  row("B11", (result = attempt(text, "x", 0)) == ILLEGAL_SPREAD, "%d", result);
  snprintf(text, sizeof text, "%u@", daemon_port);
  row("B12", (result = attempt(text, "x", 0)) == ILLEGAL_SPREAD, "%d", result);
  row("B13", (result = attempt("1@127.0.0.1", "x", 0)) == COULD_NOT_CONNECT, "%d", result);
  row("B43", last_mailbox == UNSET, "mailbox written");
  row("B44", (unsigned char)last_group[0] == FILL && (unsigned char)last_group[31] == FILL, "private group written");
  row("B14", (result = attempt("65530", "x", 0)) == COULD_NOT_CONNECT, "%d", result);
  snprintf(text, sizeof text, "%u @%s", daemon_port, daemon_host);
  row("B15", (result = attempt(text, "b15", 0)) == 1, "%d", result);
  snprintf(text, sizeof text, "%u@%s trailing", daemon_port, daemon_host);
  row("B16", (result = attempt(text, "b16", 0)) == 1, "%d", result);
  snprintf(text, sizeof text, "  %u@%s", daemon_port, daemon_host);
  row("B17", (result = attempt(text, "b17", 0)) == 1, "%d", result);
  snprintf(text, sizeof text, "%u@%s", daemon_port + 65536, daemon_host);
  row("B18", (result = attempt(text, "b18", 0)) == 1, "%d", result);
  snprintf(text, sizeof text, "0%u@%s", daemon_port, daemon_host);
  row("B19", (result = attempt(text, "b19", 0)) == 1, "%d", result);
  snprintf(text, sizeof text, "%u@%s:1", daemon_port, daemon_host);
  row("B20", (result = attempt(text, "b20", 0)) == -1 || result == -2, "%d", result);
  for (int length = 70; length <= 71; length++) {
    snprintf(text, sizeof text, "%u@", daemon_port);
    while ((int)strlen(text) < length) strcat(text, "a");
    result = attempt(text, "b21", 0);
    if (length == 70) row("B21", result == -1 || result == -2, "%d", result);
    if (length == 71) row("B22", result == -1, "%d", result);
  }
  snprintf(text, sizeof text, "%u@localhost", daemon_port);
  row("B23", (result = attempt(text, "b23", 0)) == 1, "%d", result);
  struct stat information;
  snprintf(text, sizeof text, "/tmp/%u", daemon_port);
  if (stat(text, &information) == 0) {
    snprintf(text, sizeof text, "%u", daemon_port);
    row("B24", (result = attempt(text, "b24", 0)) == 1, "%d", result);
    strcat(text, " ");
    row("B24", (result = attempt(text, "b24b", 0)) == 1, "with a blank: %d", result);
  } else {
    skip("B24", "the daemon has no unix socket here");
  }
}

static void b_private_names(void) {
  char group[MAX_GROUP_NAME], again[MAX_GROUP_NAME];
  mailbox m;
  int result;
  row("B25", (result = attempt(daemon_name, NULL, 0)) == 1, "%d", result);
  row("B26", strncmp(last_group, "#r", 2) == 0, "%s", last_group);
  row("B27", (result = attempt(daemon_name, "", 0)) == 1, "%d", result);
  row("B28", strncmp(last_group, "#r", 2) == 0, "%s", last_group);
  row("B29", (result = SP_connect(daemon_name, "0123456789", 0, 1, &m, group)) == 1, "%d", result);
  if (result != 1) return;
  row("B30", strncmp(group, "#0123456789#", 12) == 0, "%s", group);
  row("B31", (result = attempt(daemon_name, "0123456789X", 0)) == REJECT_NOT_UNIQUE, "%d", result);
  row("B32", (result = SP_disconnect(m)) == 0, "%d", result);
  m = user("0123456789XYZ", 1, again);
  row("B33", m >= 0, "mailbox %d", m);
  row("B34", strcmp(group, again) == 0, "%s, then %s", group, again);
  gone(m);
  row("B35", (result = attempt(daemon_name, "a b", 0)) == REJECT_ILLEGAL_NAME, "%d", result);
  row("B36", (result = attempt(daemon_name, "a#b", 0)) == REJECT_ILLEGAL_NAME, "%d", result);
  row("B37", (result = attempt(daemon_name, "a$b~", 0)) == 1, "%d", result);
  row("B38", (result = attempt(daemon_name, "a\x7f", 0)) == REJECT_ILLEGAL_NAME, "%d", result);
  row("B39", (result = attempt(daemon_name, "a\xe9", 0)) == REJECT_ILLEGAL_NAME, "%d", result);
  static const int priorities[] = {-5, 0, 1, 7};
  for (int i = 0; i < 4; i++) {
    char name[8];
    snprintf(name, sizeof name, "prio%d", i);
    row("B42", (result = attempt(daemon_name, name, priorities[i])) == 1, "priority %d: %d", priorities[i], result);
  }
}

static void b_times(void) {
  int result;
  double start;
  sp_time t;
  row("B45", (result = attempt_time(-1, 5)) == ILLEGAL_TIME, "%d", result);
  row("B46", (result = attempt_time(1, -5)) == ILLEGAL_TIME, "%d", result);
  row("B47", (result = attempt_time(0, 1000000)) == ILLEGAL_TIME, "%d", result);
  row("B48", (result = attempt_time(0, -1000000)) == ILLEGAL_TIME, "%d", result);
  row("B49", (result = attempt_time(0, 999999)) == 1, "%d", result);
  row("B50", (result = attempt_time(0, 0)) == 1, "%d", result);
  row("B51", (result = attempt_time(5, 0)) == 1, "%d", result);
  row("B52", (result = attempt_time(-1, -5)) == CONNECTION_CLOSED, "%d", result);
  row("B53", (result = attempt_time(0, -1)) == CONNECTION_CLOSED, "%d", result);

  struct server s;
  serve(&s, be_silent);
  t.sec = 0;
  t.usec = 300000;
  start = now();
  result = SP_connect_timeout(s.name, "late", 0, 1, &last_mailbox, last_group, t);
  double taken = now() - start;
  row("B54", result == CONNECTION_CLOSED, "%d", result);
  row("B55", taken >= 0.25 && taken <= 1.0, "after %.2f s", taken);
  served(&s, NULL, 0);

  int port = 0, fillers[8];
  int listener = full_backlog(&port, fillers, 8);
  char name[32];
  snprintf(name, sizeof name, "%d@127.0.0.1", port);
  t.usec = 400000;
  start = now();
  result = SP_connect_timeout(name, "late", 0, 1, &last_mailbox, last_group, t);
  taken = now() - start;
  row("B56", result == CONNECTION_CLOSED, "%d", result);
  row("B57", taken < 1.5, "after %.2f s", taken);
  for (int i = 0; i < 8; i++) close(fillers[i]);
  close(listener);
}

void cases_b(void) {
  b_mailbox();
  b_names();
  b_private_names();
  b_times();
}

/* ---- C ---- */

static void hello(int fd) {
  unsigned char bytes[15];
  take(fd, bytes, 5);
  take(fd, bytes + 5, bytes[4]);
}

static void choice(int fd) {
  char bytes[90];
  hello(fd);
  put(fd, "\005NULL ", 6);
  take(fd, bytes, 90);
}

static void c01(int fd, int report) { (void)fd, (void)report; }
static void c02(int fd, int report) {
  (void)report;
  hello(fd);
  put(fd, "\xfc", 1);
}
static void c03(int fd, int report) {
  (void)report;
  hello(fd);
  put(fd, "\002IP", 3);
  await_close(fd);
}
static void c04(int fd, int report) {
  (void)report;
  hello(fd);
  put(fd, "\144", 1);
  await_close(fd);
}
static void c05(int fd, int report) {
  (void)report;
  choice(fd);
  put(fd, "\xf7", 1);
}
static void c06(int fd, int report) {
  (void)report;
  choice(fd);
  put(fd, "\000\005\000\001\000", 5);
  await_close(fd);
}
static void c07(int fd, int report) {
  (void)report;
  choice(fd);
  put(fd, "\001\002\011\011\004#a#b", 9);
  await_close(fd);
}
static void c08(int fd, int report) {
  (void)report;
  choice(fd);
  put(fd, "\001\005\000\001\040#a#bcdefghijklmnopqrstuvwxyz12345", 5 + 32);
  await_close(fd);
}
static void c09(int fd, int report) {
  (void)report;
  choice(fd);
}
static void c10(int fd, int report) {
  char bytes[90];
  (void)report;
  hello(fd);
  put(fd, "\011IP NULL X", 10);
  take(fd, bytes, 90);
  put(fd, "\001\005\000\001\004#a#b", 9);
  await_close(fd);
}
static void slowly(int fd, const char *bytes, int length) {
  for (int i = 0; i < length; i++) {
    put(fd, bytes + i, 1);
    pause_ms(50);
  }
}
static void c11(int fd, int report) {
  char bytes[90];
  (void)report;
  hello(fd);
  slowly(fd, "\005NULL ", 6);
  take(fd, bytes, 90);
  slowly(fd, "\001\005\000\001\004#a#b", 9);
  await_close(fd);
}
static void c12(int fd, int report) {
  (void)report;
  choice(fd);
  put(fd, "\001\003\007\000\004#a#b", 9);
  await_close(fd);
}
static void c14(int fd, int report) {
  (void)report;
  choice(fd);
  put(fd, "\001\005\000\001\037#a#bcdefghijklmnopqrstuvwxyz1234", 5 + 31);
  await_close(fd);
}
static void accept_all(int fd, int report) {
  (void)report;
  greet(fd);
  await_close(fd);
}

static int connect_to(void (*script)(int, int), int priority) {
  struct server s;
  serve(&s, script);
  last_mailbox = UNSET;
  int result = SP_connect(s.name, "a", priority, 1, &last_mailbox, last_group);
  if (result == 1) gone(last_mailbox);
  served(&s, NULL, 0);
  return result;
}

static int calls, answers;
static void *seen;
static int method(int fd, void *data) {
  (void)fd;
  calls++;
  seen = data;
  return answers;
}

void cases_c(void) {
  int result;
  row("C01", (result = connect_to(c01, 0)) == CONNECTION_CLOSED, "%d", result);
  row("C02", (result = connect_to(c02, 0)) == REJECT_NO_NAME, "%d", result);
  row("C03", (result = connect_to(c03, 0)) == REJECT_AUTH, "%d", result);
  row("C04", (result = connect_to(c04, 0)) == CONNECTION_CLOSED, "%d", result);
  row("C05", (result = connect_to(c05, 0)) == REJECT_AUTH, "%d", result);
  row("C06", (result = connect_to(c06, 0)) == 0, "%d", result);
  row("C07", (result = connect_to(c07, 0)) == REJECT_VERSION, "%d", result);
  row("C08", (result = connect_to(c08, 0)) == CONNECTION_CLOSED, "%d", result);
  row("C09", (result = connect_to(c09, 0)) == CONNECTION_CLOSED, "%d", result);
  row("C10", (result = connect_to(c10, 0)) == 1, "%d", result);
  row("C11", (result = connect_to(c11, 0)) == 1, "%d", result);
  row("C12", (result = connect_to(c12, 0)) == 1, "%d", result);
  row("C13", (result = connect_to(c12, 1)) == REJECT_VERSION, "%d", result);
  row("C14", (result = connect_to(c14, 0)) == 1, "%d", result);
  row("C15", strlen(last_group) == 31, "%s", last_group);

  answers = 0;
  row("C16", SP_set_auth_method("NULL", method, NULL) == 1, "SP_set_auth_method");
  row("C17", (result = connect_to(accept_all, 0)) == REJECT_AUTH, "%d", result);
  row("C18", calls == 1, "%d calls", calls);
  answers = 1;
  calls = 0;
  row("C19", SP_set_auth_method("NULL", method, (void *)7) == 1, "SP_set_auth_method");
  row("C20", (result = connect_to(accept_all, 0)) == 1, "%d", result);
  row("C21", calls == 1 && seen == (void *)7, "%d calls, data %p", calls, seen);
  row("C22", SP_set_auth_method("PWORD", method, NULL) == 1, "SP_set_auth_method");
  row("C23", (result = attempt(daemon_name, "auth", 0)) == REJECT_AUTH, "%d", result);
  SP_set_auth_method("NULL", method, NULL);
}
