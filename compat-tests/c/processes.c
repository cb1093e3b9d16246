/* Several processes of one program: each joins, sends and receives; the parent compares what they saw. Then one of
   them is killed. Then one mailbox is used by two threads, one receiving and one sending. Last, members leave without
   reading what they sent, and nothing of it is lost.
   usage: processes ADDRESS */
#include <pthread.h>
#include <sys/wait.h>

#include "client.h"

enum { WRITERS = 3, EACH = 200 };

static struct client c;
static char group[MAX_GROUP_NAME];

/* What a writer reports through its pipe: a digest over the sequence of (sender, number) it received. */
struct report {
  unsigned long digest;
  int received;
  int fifo; /* 1 while every sender's messages came in the order they were sent */
  int complete;
};

static unsigned long mix(unsigned long digest, const char *bytes, int length) {
  int i;
  for (i = 0; i < length; i++) digest = (digest ^ (unsigned char)bytes[i]) * 1099511628211ul;
  return digest;
}

/* Joins, waits for all writers, sends EACH messages, receives WRITERS * EACH, reports, waits to be told to end. */
static void writer(int index, const char *address, int out, int in) {
  struct report report = {14695981039346656037ul, 0, 1, 0};
  int next[WRITERS] = {0}, i;
  char name[16], letter, end;
  signal(SIGALRM, SIG_DFL);
  alarm(40); /* a child inherits the handler, but not the alarm */
  letter = (char)('p' + index);
  snprintf(name, sizeof name, "%c%05u", letter, (unsigned)getppid() % 100000u);
  if (client_connect(&c, address, name, 1) != ACCEPT_SESSION || SP_join(c.mbox, group) != 0) _exit(1);
  do {
    if (client_receive(&c) < 0) _exit(1);
  } while (!Is_reg_memb_mess(c.type) || c.num_groups < WRITERS + 1);
  for (i = 0; i < EACH; i++) {
    char body[40];
    int length = snprintf(body, sizeof body, "%d %d", index, i);
    if (SP_multicast(c.mbox, i % 2 ? AGREED_MESS : SAFE_MESS, group, (int16)i, length, body) != length) _exit(1);
  }
  while (report.received < WRITERS * EACH) {
    int who = -1, number = -1;
    if (client_receive(&c) < 0) _exit(1);
    if (!Is_regular_mess(c.type)) continue;
    c.body[c.length] = '\0';
    if (sscanf(c.body, "%d %d", &who, &number) != 2 || who < 0 || who >= WRITERS || number != next[who]++)
      report.fifo = 0;
    report.digest = mix(mix(report.digest, c.sender, MAX_GROUP_NAME), c.body, c.length);
    report.received++;
  }
  report.complete = 1;
  if (write(out, &report, sizeof report) != (ssize_t)sizeof report) _exit(1);
  if (read(in, &end, 1) < 0) _exit(1);
  SP_disconnect(c.mbox);
  _exit(0);
}

static void test_processes(const char *address) {
  struct report reports[WRITERS];
  int to[WRITERS][2], from[WRITERS][2], i, status, received = 0;
  pid_t pids[WRITERS];
  char name[16], killed[MAX_GROUP_NAME];
  section("several processes");
  memset(reports, 0, sizeof reports);
  for (i = 0; i < WRITERS; i++) {
    if (!CHECK(pipe(to[i]) == 0 && pipe(from[i]) == 0)) return;
    pids[i] = fork();
    if (pids[i] == 0) {
      close(to[i][1]);
      close(from[i][0]);
      writer(i, address, from[i][1], to[i][0]);
    }
    close(to[i][0]);
    close(from[i][1]);
  }
  unique_name(name, sizeof name, "w");
  if (!CHECK(client_connect(&c, address, name, 1) == ACCEPT_SESSION)) return;
  CHECK_EQUAL(SP_join(c.mbox, group), 0);
  while (received < WRITERS * EACH && client_receive(&c) >= 0) received += Is_regular_mess(c.type) ? 1 : 0;
  CHECK_EQUAL(received, WRITERS * EACH);
  for (i = 0; i < WRITERS; i++) {
    CHECK_EQUAL(read(from[i][0], &reports[i], sizeof reports[i]), sizeof reports[i]);
    CHECK_EQUAL(reports[i].complete, 1);
    CHECK_EQUAL(reports[i].fifo, 1);
    CHECK_EQUAL(reports[i].digest, reports[0].digest);
  }

  section("a killed process");
  snprintf(killed, sizeof killed, "#p%05u%s", (unsigned)getpid() % 100000u, strrchr(c.private_group, '#'));
  CHECK_EQUAL(kill(pids[0], SIGKILL), 0);
  expect_membership(&c, group, CAUSED_BY_DISCONNECT, WRITERS, killed);
  section("ends of processes");
  for (i = 1; i < WRITERS; i++) {
    char left[MAX_GROUP_NAME];
    snprintf(left, sizeof left, "#%c%05u%s", 'p' + i, (unsigned)getpid() % 100000u, strrchr(c.private_group, '#'));
    CHECK_EQUAL(write(to[i][1], "q", 1), 1); /* not a close: later writers hold a copy of this end */
    expect_membership(&c, group, CAUSED_BY_DISCONNECT, WRITERS - i, left);
    CHECK(waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  CHECK(waitpid(pids[0], &status, 0) == pids[0] && WIFSIGNALED(status));
}

static int thread_received, thread_bad;

static void *reader(void *unused) {
  (void)unused;
  while (thread_received < EACH && !thread_bad) {
    if (client_receive(&c) != (int)sizeof thread_received ||
        memcmp(c.body, &thread_received, sizeof thread_received) != 0)
      thread_bad = 1;
    thread_received++;
  }
  return NULL;
}

static void test_threads(void) {
  pthread_t thread;
  int i;
  section("two threads, one mailbox");
  CHECK_EQUAL(pthread_create(&thread, NULL, reader, NULL), 0);
  for (i = 0; i < EACH; i++)
    CHECK_EQUAL(SP_multicast(c.mbox, FIFO_MESS, group, 0, (int)sizeof i, (const char *)&i), (int)sizeof i);
  pthread_join(thread, NULL);
  CHECK_EQUAL(thread_received, EACH);
  CHECK_EQUAL(thread_bad, 0);
  CHECK_EQUAL(SP_disconnect(c.mbox), 0);
}

/* A close with something unread resets a TCP connection, and a reset throws away what the daemon has not read yet. */
static void test_last_words(const char *address) {
  enum { TIMES = 20, COUNT = 60, SIZE = 8000 };
  static char body[SIZE];
  struct client leaver;
  int time, i, received = 0;
  section("the last words of one who does not read");
  CHECK_EQUAL(client_connect(&c, address, "words", 0), ACCEPT_SESSION);
  CHECK_EQUAL(SP_join(c.mbox, group), 0);
  for (time = 0; time < TIMES; time++) {
    if (!CHECK(client_connect(&leaver, address, "leaver", 0) == ACCEPT_SESSION)) return;
    CHECK_EQUAL(SP_join(leaver.mbox, group), 0);
    for (i = 0; i < COUNT; i++)
      if (SP_multicast(leaver.mbox, FIFO_MESS, group, (int16)i, SIZE, body) != SIZE) break;
    CHECK_EQUAL(i, COUNT);
    CHECK_EQUAL(SP_disconnect(leaver.mbox), 0);
    for (i = 0; i < COUNT && client_readable(&c, 3000) && client_receive(&c) == SIZE; i++) received += c.mess_type == i;
  }
  CHECK_EQUAL(received, TIMES * COUNT);
  CHECK_EQUAL(SP_disconnect(c.mbox), 0);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: processes ADDRESS\n");
    return 64;
  }
  check_start(60);
  unique_name(group, sizeof group, "c-processes-");
  test_processes(argv[1]);
  if (check_failed == 0) test_threads();
  test_last_words(argv[1]);
  return check_end();
}
