/*
 * The library under load from threads and forks, against a live daemon.
 *
 *   stress port@host
 *
 * Two senders and two receivers on one mailbox with every message checked; a process that forks while its threads are
 * inside the library, each child opening and using a mailbox of its own; mailboxes closed while another thread
 * receives. Prints one line per part; exit status 0 when nothing was lost, torn or stuck.
 */

#include <sp.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { messages = 3000, forks = 100, closings = 50, body_size = 700 };

static const char *where;
static int failures = 0;

static void part(const char *name, int good, int of) {
  printf("%-8s %s: %d of %d\n", good == of ? "ok" : "FAILED", name, good, of);
  fflush(stdout);
  if (good != of) failures++;
}

static mailbox open_mailbox(void) {
  mailbox m;
  char group[MAX_GROUP_NAME];
  int result = SP_connect(where, NULL, 0, 0, &m, group);
  if (result == ACCEPT_SESSION) return m;
  printf("FAILED connect: %d\n", result);
  exit(1);
}

static int receive(mailbox m, char *body, int16 *kind) {
  service type = 0;
  char sender[MAX_GROUP_NAME], groups[4][MAX_GROUP_NAME];
  int count, mismatch;
  return SP_receive(m, &type, sender, 4, &count, groups, kind, &mismatch, body_size, body);
}

/* ---- one mailbox, four threads ---- */

static mailbox shared;
static char group[MAX_GROUP_NAME];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int outstanding = 0, whole = 0;

static void *send_many(void *argument) {
  char body[body_size];
  int mark = (int)(size_t)argument;
  memset(body, mark, sizeof body);
  for (int i = 0; i < messages; i++) {
    /* Not so far ahead that the daemon takes the receivers for dead. */
    for (;;) {
      pthread_mutex_lock(&lock);
      int wait = outstanding >= 200;
      if (!wait) outstanding++;
      pthread_mutex_unlock(&lock);
      if (!wait) break;
      usleep(200);
    }
    if (SP_multicast(shared, FIFO_MESS, group, (int16)mark, body_size, body) != body_size) return NULL;
  }
  return NULL;
}

static void *receive_many(void *argument) {
  char body[body_size];
  int16 kind = 0;
  (void)argument;
  for (int i = 0; i < messages; i++) {
    int good = receive(shared, body, &kind) == body_size;
    for (int j = 0; good && j < body_size; j++) good = body[j] == (char)kind;
    pthread_mutex_lock(&lock);
    outstanding--;
    whole += good;
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static void four_threads(void) {
  pthread_t threads[4];
  shared = open_mailbox();
  snprintf(group, sizeof group, "stress%d", (int)getpid());
  SP_join(shared, group);
  pthread_create(&threads[0], NULL, receive_many, NULL);
  pthread_create(&threads[1], NULL, receive_many, NULL);
  pthread_create(&threads[2], NULL, send_many, (void *)1);
  pthread_create(&threads[3], NULL, send_many, (void *)2);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  SP_disconnect(shared);
  part("two senders and two receivers on one mailbox", whole, 2 * messages);
}

/* ---- fork ---- */

static volatile int stop = 0;

static void *use_library(void *argument) {
  mailbox m = open_mailbox();
  (void)argument;
  while (!stop) {
    for (int i = 0; i < 50; i++) {
      SP_poll(m);
      SP_poll(777);
    }
    SP_multicast(m, FIFO_MESS, "nobody", 0, 1, "x");
  }
  SP_disconnect(m);
  return NULL;
}

static int child(void) {
  mailbox m = open_mailbox();
  char body[body_size], own[MAX_GROUP_NAME];
  int16 kind = 0;
  snprintf(own, sizeof own, "child%d", (int)getpid());
  if (SP_join(m, own) != 0) return 1;
  if (SP_multicast(m, FIFO_MESS, own, 7, 4, "four") != 4) return 2;
  if (receive(m, body, &kind) != 4 || kind != 7) return 3;
  return SP_disconnect(m) == 0 ? 0 : 4;
}

static void forking(void) {
  pthread_t threads[3];
  int good = 0;
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, use_library, NULL);
  for (int i = 0; i < forks; i++) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
      alarm(10);
      _exit(child());
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) good++;
  }
  stop = 1;
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  part("forks while three threads are in the library", good, forks);
}

/* ---- closing ---- */

static void *receive_once(void *argument) {
  char body[body_size];
  int16 kind;
  return (void *)(size_t)-receive(*(mailbox *)argument, body, &kind);
}

static void closing(void) {
  int good = 0;
  for (int i = 0; i < closings; i++) {
    pthread_t thread;
    void *result;
    mailbox m = open_mailbox();
    pthread_create(&thread, NULL, receive_once, &m);
    usleep((useconds_t)(i % 10) * 300);
    if (i % 2) SP_kill(m);
    else SP_disconnect(m);
    pthread_join(thread, &result);
    int code = -(int)(size_t)result;
    if (code == CONNECTION_CLOSED || code == ILLEGAL_SESSION) good++;
  }
  part("mailboxes closed while another thread receives", good, closings);
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: stress port@host\n");
    return 2;
  }
  where = arguments[1];
  alarm(120);
  four_threads();
  forking();
  closing();
  return failures > 0;
}
