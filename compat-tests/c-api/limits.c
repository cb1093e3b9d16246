/* Rows I (threads and fork), J (violations) and K (limits). */

#include "cases.h"
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- I ---- */

struct receiving {
  mailbox m;
  int result;
};

static void *receive_one(void *argument) {
  struct receiving *r = (struct receiving *)argument;
  r->result = rx_now(r->m, 0, 100, 100);
  return NULL;
}

void cases_i(void) {
  char alice[MAX_GROUP_NAME];
  mailbox m = user("alice", 0, alice), m2 = user("bob", 0, NULL);
  const char *g = fresh_group();
  struct receiving r;
  pthread_t thread;
  int result, status = 0;

  SP_join(m, g);
  r.m = m;
  r.result = LATE;
  pthread_create(&thread, NULL, receive_one, &r);
  pause_ms(100);
  row("I01", (result = SP_multicast(m, FIFO_MESS, g, 0, 3, "abc")) == 3, "%d", result);
  pthread_join(thread, NULL);
  row("I02", r.result == 3, "%d", r.result);

  /* A daemon may take the join and the message of two connections in either order: the view says that the join is done. */
  SP_kill(m2);
  m2 = user("carol", 1, NULL);
  SP_join(m2, g);
  rx(m2, 0, 100, 100);
  fflush(stdout);
  int child = (int)fork();
  if (child == 0) _exit(SP_multicast(m, FIFO_MESS, g, 0, 3, "xyz") == 3 ? 0 : 1);
  waitpid(child, &status, 0);
  row("I03", WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
  row("I04", (result = rx(m2, 0, 100, 100)) == 3, "%d", result);
  row("I05", strcmp(R.sender, alice) == 0, "%.32s", R.sender);
  gone(m2);
  gone(m);
}

/* ---- J ---- */

static int over(int result) { return result == CONNECTION_CLOSED || result == NET_ERROR_ON_SESSION; }

static void j_bytes(int length) {
  mailbox m = user("jack", 0, NULL), m2 = user("bob", 0, NULL);
  const char *g = fresh_group();
  char *bytes = (char *)calloc(1, (size_t)length);
  int result;
  SP_join(m, g);
  SP_join(m2, g);
  pause_ms(100);
  result = SP_multicast(m, FIFO_MESS, g, 0, length, bytes);
  if (stock) {
    row("J04", result == length || result == CONNECTION_CLOSED, "%d", result);
    row("J05", over(result = rx(m, 0, 100, 100)), "%d", result);
  } else {
    row("J04", result == MESSAGE_TOO_LONG, "%d", result);
    SP_multicast(m, FIFO_MESS, g, 0, 2, "ok");
    row("J05", (result = rx(m, 0, 100, 100)) == 2, "the session does not live: %d", result);
    rx(m2, 0, 100, 100);
  }
  row("J06", quiet(m2, 300), "somebody got it");
  free(bytes);
  gone(m);
  gone(m2);
}

static void j_groups(void) {
  char(*names)[MAX_GROUP_NAME] = (char(*)[MAX_GROUP_NAME])calloc(101, MAX_GROUP_NAME);
  const char(*groups)[MAX_GROUP_NAME] = (const char(*)[MAX_GROUP_NAME])names;
  mailbox m = user("jack", 0, NULL);
  int result;
  for (int i = 0; i < 101; i++) snprintf(names[i], MAX_GROUP_NAME, "j%d-%d", (int)getpid(), i);
  SP_join(m, names[42]);
  row("J07", (result = SP_multigroup_multicast(m, FIFO_MESS, 43, groups, 0, 1, "x")) == 1, "%d", result);
  rx(m, 0, 100, 100);
  row("J08", R.num_groups == 43, "%d", R.num_groups);
  result = SP_multigroup_multicast(m, FIFO_MESS, 101, groups, 0, 1, "x");
  row("J09", result == 1 || result == CONNECTION_CLOSED, "%d", result);
  row("J10", over(result = rx(m, 0, 100, 100)), "%d", result);
  gone(m);
  free(names);
}

static void greet_and_close(int fd, int report) {
  (void)report;
  greet(fd);
}

void cases_j(void) {
  struct server s;
  char group[MAX_GROUP_NAME];
  int result;
  mailbox m = user("jack", 0, NULL);
  result = SP_multicast(m, RELIABLE_MESS | FIFO_MESS, "g", 0, 1, "x");
  row("J01", result == 1 || result == CONNECTION_CLOSED, "%d", result);
  row("J02", over(result = rx(m, 0, 100, 100)), "%d", result);
  row("J03", (result = rx_now(m, 0, 100, 100)) == NET_ERROR_ON_SESSION, "%d", result);
  gone(m);
  j_bytes(143921);
  j_groups();
  m = user("jack", 0, NULL);
  row("J11", (result = SP_multicast(m, FIFO_MESS, "g", 0, -1, "x")) == 0, "%d", result);
  row("J12", (result = rx(m, 0, 100, 100)) == CONNECTION_CLOSED, "%d", result);
  gone(m);

  serve(&s, greet_and_close);
  SP_connect(s.name, "a", 0, 1, &m, group);
  served(&s, NULL, 0);
  result = 1;
  for (int i = 0; i < 50 && result == 1; i++) {
    result = SP_multicast(m, FIFO_MESS, "g", 0, 1, "x");
    pause_ms(5);
  }
  row("J13", result == CONNECTION_CLOSED, "%d", result);
  row("J14", (result = SP_multicast(m, FIFO_MESS, "g", 0, 1, "x")) == NET_ERROR_ON_SESSION, "%d", result);
  row("J15", (result = rx_now(m, 0, 100, 100)) == NET_ERROR_ON_SESSION, "%d", result);
  row("J16", (result = SP_disconnect(m)) == 0, "%d", result);
}

/* ---- K ---- */

/* What a child found out, by exit status: 0 fine, else a small number. */
static int in_child(int (*body)(void)) {
  int status = 0;
  fflush(stdout);
  int child = (int)fork();
  if (child == 0) _exit(body());
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int before_connect(void) {
  int sent = SP_multicast(0, FIFO_MESS, "g", 0, 1, "x"), polled = SP_poll(0);
  if (polled != ILLEGAL_SESSION) return 1;
  return sent == (stock ? NET_ERROR_ON_SESSION : ILLEGAL_SESSION) ? 0 : 2;
}

void cases_k_first(void) {
  int status = in_child(before_connect);
  row("K02", status == 0, "child says %d", status);
}

static int odd_mailboxes(void) {
  mailbox m = user("kate", 0, NULL);
  int sent = SP_multicast(-1, FIFO_MESS, "g", 0, 1, "x"), joined = SP_join(-1, "g"), left = SP_disconnect(-1);
  if (SP_poll(-1) != ILLEGAL_SESSION) return 1;
  if (SP_multicast(0, FIFO_MESS, "g", 0, 1, "x") != ILLEGAL_SESSION) return 2;
  if (stock) return sent == NET_ERROR_ON_SESSION && joined == NET_ERROR_ON_SESSION && left == 0 ? 0 : 3;
  gone(m);
  return sent == ILLEGAL_SESSION && joined == ILLEGAL_SESSION && left == ILLEGAL_SESSION ? 0 : 4;
}

static int accept_many(int listener) {
  int count = 0;
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) return count;
    greet(fd);
    count++;
  }
}

static int many_mailboxes(void) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  char where[64], group[MAX_GROUP_NAME];
  int listener = socket(AF_INET, SOCK_STREAM, 0), result = 1, count = 0;
  alarm(25);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 50) < 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  snprintf(where, sizeof where, "%d@127.0.0.1", ntohs(address.sin_port));
  int child = (int)fork();
  if (child == 0) {
    accept_many(listener);
    _exit(0);
  }
  while (count < 1100 && result == 1) {
    mailbox m = UNSET;
    result = SP_connect(where, "k", 0, 0, &m, group);
    if (result == 1) count++;
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  if (count != 1024) return 2;
  return result == REJECT_QUOTA ? 0 : 3;
}

/* The line SP_error prints. */
static int prints(int code) {
  char expected[200], line[200];
  FILE *file = tmpfile();
  fflush(stdout);
  int before = dup(1);
  dup2(fileno(file), 1);
  SP_error(code);
  fflush(stdout);
  dup2(before, 1);
  close(before);
  rewind(file);
  memset(line, 0, sizeof line);
  if (fread(line, 1, sizeof line - 1, file) == 0) line[0] = 0;
  fclose(file);
  snprintf(expected, sizeof expected, "SP_error: (%d) %s\n", code, SP_strerror(code));
  return strcmp(line, expected) == 0;
}

static int gap_in_scatter(void) {
  scatter *sc = (scatter *)calloc(1, sizeof(scatter));
  static char a[5], c[100], none[1];
  mailbox m = user("kate", 0, NULL);
  const char *g = fresh_group();
  SP_join(m, g);
  SP_multicast(m, FIFO_MESS, g, 0, 20, "abcdefghijklmnopqrst");
  sc->num_elements = 3;
  sc->elements[0].buf = a;
  sc->elements[0].len = 5;
  sc->elements[1].buf = none;
  sc->elements[2].buf = c;
  sc->elements[2].len = 100;
  int result = SP_scat_receive(m, &R.type, R.sender, 100, &R.num_groups, R.groups, &R.mess_type, &R.mismatch, sc);
  if (result == 20 && (memcmp(a, "abcde", 5) != 0 || memcmp(c, "fghijklmnopqrst", 15) != 0)) result = UNSET;
  free(sc);
  gone(m);
  return result;
}

void cases_k(void) {
  struct rlimit files;
  int result;
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max >= 1100) {
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &files);
    row("K01", (result = in_child(many_mailboxes)) == 0, "child says %d", result);
  } else {
    skip("K01", "this user may not open 1100 descriptors");
  }
  row("K03", (result = in_child(odd_mailboxes)) == 0, "child says %d", result);
  row("K04", prints(CONNECTION_CLOSED), "SP_error(-8)");
  row("K04", prints(5), "SP_error(5)");
  result = gap_in_scatter();
  row("K05", result == (stock ? CONNECTION_CLOSED : 20), "%d", result);
}
