/*
 * The event loop through its C interface: events-and-flush, part 1.
 *
 *   events [-x] [ADDRESS]
 *
 * With the address of a daemon the long run multiplexes two mailboxes, else two socket pairs. -x adds the checks where
 * this library deliberately does better than stock 5.0.1 (its reference fails them or hangs in them). Every check that
 * fails is printed; the exit status is 0 when none did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sp.h>

static int checks, failures;

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
#define CHECK_EQUAL(expression, expected) check_equal((expression), (expected), #expression, __LINE__)

static void check(int good, const char *text, int line) {
  checks++;
  if (good) return;
  failures++;
  fprintf(stderr, "events.c:%d: not so: %s\n", line, text);
}

static void check_equal(long value, long expected, const char *text, int line) {
  checks++;
  if (value == expected) return;
  failures++;
  fprintf(stderr, "events.c:%d: %s is %ld, not %ld\n", line, text, value, expected);
}

static sp_time make_time(long sec, long usec) {
  sp_time time;
  time.sec = sec;
  time.usec = usec;
  return time;
}

static sp_time milliseconds(long n) { return make_time(n / 1000, n % 1000 * 1000); }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- A record of the callbacks, as a string of letters ---- */

static char record[4096];

static void note(char letter) {
  size_t length = strlen(record);
  if (length + 1 < sizeof record) {
    record[length] = letter;
    record[length + 1] = 0;
  }
}

static void expect_record(const char *expected, int line) {
  checks++;
  if (strcmp(record, expected) != 0) {
    failures++;
    fprintf(stderr, "events.c:%d: callbacks \"%s\", not \"%s\"\n", line, record, expected);
  }
  record[0] = 0;
}

#define EXPECT_RECORD(expected) expect_record(expected, __LINE__)

/* A timer that notes its code. */
static void tick(int code, void *data) {
  (void)data;
  note((char)code);
}

static void stop(int code, void *data) {
  (void)code;
  (void)data;
  note('.');
  E_exit_events();
}

/* Descriptor callbacks: note the code; some read a byte, so that the descriptor becomes quiet. */
static void peek_fd(int fd, int code, void *data) {
  (void)fd;
  (void)data;
  note((char)code);
}

static void read_fd(int fd, int code, void *data) {
  char byte;
  (void)data;
  if (read(fd, &byte, 1) != 1) note('?');
  note((char)code);
}

static void stop_fd(int fd, int code, void *data) {
  read_fd(fd, code, data);
  E_exit_events();
}

/* A pipe with n bytes in it; [0] to read. */
static void fill(int ends[2], int n) {
  if (pipe(ends) != 0) abort();
  while (n-- > 0) {
    if (write(ends[1], "x", 1) != 1) abort();
  }
}

static void close_pipe(int ends[2]) {
  close(ends[0]);
  close(ends[1]);
}

static void run_for(long n) {
  E_queue(stop, 0, NULL, milliseconds(n));
  E_handle_events();
}

/* ---- Lines on standard output ---- */

static int saved_output;
static char output_name[] = "/tmp/spread-events-XXXXXX";

static void capture_output(void) {
  int file;
  strcpy(output_name, "/tmp/spread-events-XXXXXX");
  fflush(stdout);
  saved_output = dup(1);
  file = mkstemp(output_name);
  dup2(file, 1);
  close(file);
}

/* Number of lines since capture_output. */
static int captured_lines(void) {
  FILE *file;
  int character, lines = 0;
  fflush(stdout);
  dup2(saved_output, 1);
  close(saved_output);
  file = fopen(output_name, "r");
  while ((character = getc(file)) != EOF) lines += character == '\n';
  fclose(file);
  unlink(output_name);
  return lines;
}

/* ---- Times ---- */

static int equal(sp_time time, long sec, long usec) { return time.sec == sec && time.usec == usec; }

static void test_times(void) {
  sp_time a, b;
  int i;
  CHECK(equal(E_neg_time(make_time(3, 4)), -3, -4));
  CHECK(equal(E_neg_time(make_time(0, -5)), 0, 5));
  CHECK(equal(E_add_time(make_time(1, 500000), make_time(-2, -600000)), -1, -100000));
  CHECK(equal(E_add_time(make_time(1, 600000), make_time(2, 700000)), 4, 300000));
  CHECK(equal(E_add_time(make_time(-1, -600000), make_time(-2, -700000)), -4, -300000));
  CHECK(equal(E_add_time(make_time(0, 999999), make_time(0, 1)), 1, 0));
  CHECK(equal(E_add_time(make_time(0, 0), make_time(0, 0)), 0, 0));
  CHECK(equal(E_sub_time(make_time(1, 500000), make_time(1, 600000)), 0, -100000));
  CHECK(equal(E_sub_time(make_time(3, 0), make_time(2, 500000)), 0, 500000));
  CHECK(equal(E_sub_time(make_time(1, 0), make_time(3, 1)), -2, -1));
  CHECK_EQUAL(E_compare_time(make_time(1, 0), make_time(0, 999999)), 1);
  CHECK_EQUAL(E_compare_time(make_time(1, 1), make_time(1, 2)), -1);
  CHECK_EQUAL(E_compare_time(make_time(-1, 0), make_time(0, 0)), -1);
  CHECK_EQUAL(E_compare_time(make_time(5, 5), make_time(5, 5)), 0);
  a = E_get_time();
  CHECK(labs(a.sec - (long)time(NULL)) <= 1 && a.usec >= 0 && a.usec < 1000000);
  a = E_get_time_monotonic();
  CHECK(labs(a.sec - (long)now()) <= 1);
  for (i = 0; i < 1000; i++) {
    b = E_get_time_monotonic();
    if (E_compare_time(b, a) < 0) break;
    a = b;
  }
  CHECK_EQUAL(i, 1000);
}

static volatile sig_atomic_t alarms;
static void count_alarm(int number) {
  (void)number;
  alarms = alarms + 1;
}

static void alarm_in(long n) {
  struct itimerval timer;
  memset(&timer, 0, sizeof timer);
  timer.it_value.tv_sec = n / 1000;
  timer.it_value.tv_usec = n % 1000 * 1000;
  setitimer(ITIMER_REAL, &timer, NULL);
}

/* Without SA_RESTART. */
static void handle(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  sigaction(number, &action, NULL);
}

static void test_delay(void) {
  double start = now();
  E_delay(milliseconds(30));
  CHECK(now() - start >= 0.029 && now() - start < 1);
  start = now();
  E_delay(make_time(0, 0));
  E_delay(make_time(-1, 0));
  CHECK(now() - start < 0.5);
  handle(SIGALRM, count_alarm);
  alarms = 0;
  start = now();
  alarm_in(30);
  E_delay(make_time(5, 0));
  CHECK(now() - start < 2);
  CHECK_EQUAL(alarms, 1);
}

/* ---- Timers ---- */

static int nested_zero;
static void queue_zero(int code, void *data) {
  note((char)code);
  if (++nested_zero < 3) E_queue(queue_zero, code, data, make_time(0, 0));
}

static void test_timers(void) {
  int one, two;
  CHECK_EQUAL(E_init(), 0);
  CHECK_EQUAL(E_init(), 0);
  CHECK_EQUAL(E_in_queue(tick, 'a', NULL), 0);
  CHECK_EQUAL(E_dequeue(tick, 'a', NULL), -1);
  CHECK_EQUAL(E_queue(tick, 'a', NULL, milliseconds(5)), 0);
  CHECK_EQUAL(E_in_queue(tick, 'a', NULL), 1);
  CHECK_EQUAL(E_in_queue(tick, 'b', NULL), 0);
  CHECK_EQUAL(E_in_queue(tick, 'a', &one), 0);
  CHECK_EQUAL(E_in_queue(stop, 'a', NULL), 0);
  CHECK_EQUAL(E_dequeue(tick, 'a', &one), -1);
  CHECK_EQUAL(E_dequeue(tick, 'a', NULL), 0);
  CHECK_EQUAL(E_dequeue(tick, 'a', NULL), -1);

  /* In order of time; what is due at once in order of queueing, as queueing takes time. */
  E_queue(tick, 'd', NULL, milliseconds(30));
  E_queue(tick, 'b', NULL, milliseconds(10));
  E_queue(tick, 'c', NULL, milliseconds(20));
  E_queue(tick, '1', NULL, make_time(0, 0));
  E_queue(tick, '2', NULL, make_time(0, 0));
  E_queue(tick, '3', NULL, make_time(0, 0));
  E_queue(tick, '0', NULL, make_time(-1, 0));
  run_for(50);
  EXPECT_RECORD("0123bcd.");

  /* An equal one is replaced, whether it becomes earlier or later, first, middle or last; others are not. */
  E_queue(tick, 'a', NULL, milliseconds(10));
  E_queue(tick, 'a', &one, milliseconds(20));
  E_queue(tick, 'a', &two, milliseconds(30));
  E_queue(tick, 'a', NULL, milliseconds(15));
  E_queue(tick, 'b', NULL, milliseconds(5));
  E_queue(tick, 'b', NULL, milliseconds(40));
  E_queue(tick, 'c', NULL, milliseconds(60));
  E_queue(tick, 'c', NULL, milliseconds(1));
  run_for(80);
  EXPECT_RECORD("caaab.");
  CHECK_EQUAL(E_in_queue(tick, 'b', NULL), 0);

  /* A timer without delay queued by a timer runs in the same round. */
  nested_zero = 0;
  E_queue(queue_zero, 'z', NULL, make_time(0, 0));
  E_queue(stop, 0, NULL, make_time(0, 2000));
  E_handle_events();
  EXPECT_RECORD("zzz.");

  /* After an exit the rest stays; E_init forgets it. */
  E_queue(stop, 0, NULL, make_time(0, 0));
  E_queue(tick, 'x', NULL, make_time(0, 0));
  E_handle_events();
  EXPECT_RECORD(".");
  CHECK_EQUAL(E_in_queue(tick, 'x', NULL), 1);
  run_for(5);
  EXPECT_RECORD("x.");
  E_queue(tick, 'x', NULL, make_time(0, 0));
  E_init();
  CHECK_EQUAL(E_in_queue(tick, 'x', NULL), 0);
}

static void test_many_timers(void) {
  static char data[500];
  int i, left = 0;
  E_init();
  for (i = 0; i < 500; i++) E_queue(tick, 't', &data[i], make_time(0, (i * 7919) % 500 * 20));
  for (i = 0; i < 500; i += 2) E_dequeue(tick, 't', &data[i]);
  for (i = 0; i < 500; i++) left += E_in_queue(tick, 't', &data[i]);
  CHECK_EQUAL(left, 250);
  run_for(40);
  CHECK_EQUAL((long)strlen(record), 251);
  record[0] = 0;
}

/* ---- Arguments ---- */

static void test_arguments(void) {
  E_init();
  capture_output();
  CHECK_EQUAL(E_attach_fd(0, READ_FD, peek_fd, 0, NULL, -1), -1);
  CHECK_EQUAL(E_attach_fd(0, READ_FD, peek_fd, 0, NULL, 3), -1);
  CHECK_EQUAL(E_attach_fd(0, -1, peek_fd, 0, NULL, LOW_PRIORITY), -1);
  CHECK_EQUAL(E_attach_fd(0, 3, peek_fd, 0, NULL, LOW_PRIORITY), -1);
  CHECK_EQUAL(E_attach_fd(-1, READ_FD, peek_fd, 0, NULL, LOW_PRIORITY), -1);
  CHECK_EQUAL(E_attach_fd(1025, READ_FD, peek_fd, 0, NULL, LOW_PRIORITY), -1);
  CHECK_EQUAL(E_attach_fd(INT_MAX, READ_FD, peek_fd, 0, NULL, LOW_PRIORITY), -1);
  CHECK_EQUAL(captured_lines(), 7);
  capture_output();
  CHECK_EQUAL(E_detach_fd(0, 3), -1);
  CHECK_EQUAL(E_activate_fd(0, -1), -1);
  CHECK_EQUAL(E_deactivate_fd(0, 3), -1);
  CHECK_EQUAL(E_num_active(3), -1);
  CHECK_EQUAL(E_num_active(-1), -1);
  CHECK_EQUAL(E_set_active_threshold(3), -1);
  CHECK_EQUAL(E_set_active_threshold(-1), -1);
  CHECK_EQUAL(captured_lines(), 7);
  /* What is just not there is no reason for a line. */
  capture_output();
  CHECK_EQUAL(E_detach_fd(0, READ_FD), -1);
  CHECK_EQUAL(E_detach_fd_priority(0, READ_FD, LOW_PRIORITY), -1);
  CHECK_EQUAL(E_activate_fd(0, READ_FD), -1);
  CHECK_EQUAL(E_deactivate_fd(0, READ_FD), -1);
  CHECK_EQUAL(E_dequeue(tick, 0, NULL), -1);
  CHECK_EQUAL(captured_lines(), 0);
}

static void test_table(void) {
  int i, kind, attached = 0;
  E_init();
  CHECK_EQUAL(E_attach_fd(5, READ_FD, peek_fd, 0, NULL, LOW_PRIORITY), 0);
  CHECK_EQUAL(E_attach_fd(5, READ_FD, read_fd, 1, NULL, LOW_PRIORITY), 1);
  CHECK_EQUAL(E_attach_fd(5, WRITE_FD, peek_fd, 0, NULL, LOW_PRIORITY), 0);
  CHECK_EQUAL(E_attach_fd(5, EXCEPT_FD, peek_fd, 0, NULL, LOW_PRIORITY), 0);
  CHECK_EQUAL(E_attach_fd(5, READ_FD, peek_fd, 0, NULL, HIGH_PRIORITY), 0);
  CHECK_EQUAL(E_num_active(LOW_PRIORITY), 3);
  CHECK_EQUAL(E_num_active(MEDIUM_PRIORITY), 0);
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY), 1);
  CHECK_EQUAL(E_deactivate_fd(5, READ_FD), 0);
  CHECK_EQUAL(E_deactivate_fd(5, READ_FD), 0);
  CHECK_EQUAL(E_num_active(LOW_PRIORITY), 2);
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY), 0);
  CHECK_EQUAL(E_attach_fd(5, READ_FD, peek_fd, 0, NULL, LOW_PRIORITY), 1);
  CHECK_EQUAL(E_num_active(LOW_PRIORITY), 3);
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY), 0);
  CHECK_EQUAL(E_activate_fd(5, READ_FD), 0);
  CHECK_EQUAL(E_num_active(LOW_PRIORITY), 3);
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY), 1);
  CHECK_EQUAL(E_detach_fd_priority(5, READ_FD, LOW_PRIORITY), 0);
  CHECK_EQUAL(E_detach_fd_priority(5, READ_FD, LOW_PRIORITY), -1);
  CHECK_EQUAL(E_num_active(LOW_PRIORITY), 2);
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY), 1);
  CHECK_EQUAL(E_detach_fd(5, READ_FD), 0);
  CHECK_EQUAL(E_detach_fd(5, READ_FD), -1);
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY), 0);
  CHECK_EQUAL(E_set_active_threshold(HIGH_PRIORITY), HIGH_PRIORITY);
  CHECK_EQUAL(E_set_active_threshold(HIGH_PRIORITY), HIGH_PRIORITY);
  CHECK_EQUAL(E_set_active_threshold(LOW_PRIORITY), LOW_PRIORITY);
  E_init();
  CHECK_EQUAL(E_num_active(LOW_PRIORITY), 0);

  /* 2000 entries a priority. (Descriptors need not be open to be attached.) */
  for (kind = 0; kind < NUM_FDTYPES; kind++) {
    for (i = 0; i < 1024 && attached < MAX_FD_EVENTS; i++, attached++) {
      if (E_attach_fd(i, kind, peek_fd, 0, NULL, MEDIUM_PRIORITY) != 0) break;
    }
  }
  CHECK_EQUAL(attached, 2000);
  CHECK_EQUAL(E_num_active(MEDIUM_PRIORITY), 2000);
  capture_output();
  CHECK_EQUAL(E_attach_fd(1000, WRITE_FD, peek_fd, 0, NULL, MEDIUM_PRIORITY), -1);
  CHECK_EQUAL(captured_lines(), 1);
  CHECK_EQUAL(E_attach_fd(1000, READ_FD, peek_fd, 0, NULL, MEDIUM_PRIORITY), 1);
  CHECK_EQUAL(E_attach_fd(1000, WRITE_FD, peek_fd, 0, NULL, LOW_PRIORITY), 0);
  E_init();
}

/* ---- Order ---- */

static void test_order(void) {
  int low1[2], low2[2], medium[2], high1[2], high2[2];

  /* Descriptors before timers on entry; high before medium before timers; one low a round, in turn. */
  E_init();
  fill(low1, 2), fill(low2, 2), fill(medium, 2), fill(high1, 2), fill(high2, 2);
  E_queue(tick, 't', NULL, make_time(0, 0));
  E_attach_fd(low1[0], READ_FD, read_fd, '1', NULL, LOW_PRIORITY);
  E_attach_fd(low2[0], READ_FD, read_fd, '2', NULL, LOW_PRIORITY);
  E_attach_fd(medium[0], READ_FD, read_fd, 'm', NULL, MEDIUM_PRIORITY);
  E_attach_fd(high1[0], READ_FD, read_fd, 'H', NULL, HIGH_PRIORITY);
  E_attach_fd(high2[0], READ_FD, read_fd, 'I', NULL, HIGH_PRIORITY);
  run_for(20);
  /* Round by round: HI 1 | HI 2 | m 1 | m 2 | (quiet) | t. */
  EXPECT_RECORD("HI1HI2m1m2t.");

  /* A quiet first round counts as well: a low one, then timers. */
  CHECK(write(low1[1], "x", 1) == 1 && write(low2[1], "x", 1) == 1);
  E_queue(tick, 't', NULL, make_time(0, 0));
  run_for(20);
  EXPECT_RECORD("1t2.");

  /* A threshold hides what is below it. */
  CHECK(write(low1[1], "x", 1) == 1 && write(medium[1], "x", 1) == 1 && write(high1[1], "x", 1) == 1);
  E_set_active_threshold(HIGH_PRIORITY);
  run_for(20);
  EXPECT_RECORD("H.");
  E_set_active_threshold(MEDIUM_PRIORITY);
  run_for(20);
  EXPECT_RECORD("m.");
  E_set_active_threshold(LOW_PRIORITY);
  run_for(20);
  EXPECT_RECORD("1.");

  /* Deactivation hides one descriptor. */
  CHECK(write(low1[1], "x", 1) == 1 && write(low2[1], "x", 1) == 1);
  E_deactivate_fd(low1[0], READ_FD);
  run_for(20);
  EXPECT_RECORD("2.");
  E_activate_fd(low1[0], READ_FD);
  run_for(20);
  EXPECT_RECORD("1.");

  /* Busy high descriptors keep timers waiting; the low ones still get their turn. */
  CHECK(write(low1[1], "xxx", 3) == 3 && write(high1[1], "xxx", 3) == 3);
  E_queue(tick, 't', NULL, make_time(0, 0));
  run_for(20);
  EXPECT_RECORD("H1H1H1t.");

  /* Exit from a callback stops at once. */
  CHECK(write(high1[1], "x", 1) == 1 && write(high2[1], "x", 1) == 1 && write(low1[1], "x", 1) == 1);
  E_attach_fd(high1[0], READ_FD, stop_fd, 'E', NULL, HIGH_PRIORITY);
  E_handle_events();
  EXPECT_RECORD("E");
  run_for(20);
  EXPECT_RECORD("I1.");

  close_pipe(low1), close_pipe(low2), close_pipe(medium), close_pipe(high1), close_pipe(high2);
  E_init();
}

static void test_kinds(void) {
  int pair[2], full[2], listener, sender, receiver;
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  char block[4096];
  E_init();
  memset(block, 'x', sizeof block);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || pipe(full) != 0) abort();
  fcntl(full[1], F_SETFL, O_NONBLOCK);
  while (write(full[1], block, sizeof block) > 0) {
  }
  /* Writable, not writable, and not readable. */
  E_attach_fd(pair[0], READ_FD, peek_fd, 'r', NULL, HIGH_PRIORITY);
  E_attach_fd(full[1], WRITE_FD, peek_fd, 'w', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD(".");
  E_attach_fd(pair[0], WRITE_FD, stop_fd, 'W', NULL, HIGH_PRIORITY);
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  E_handle_events();
  EXPECT_RECORD("?W");
  E_detach_fd(pair[0], WRITE_FD);
  /* End of file makes readable. */
  close(pair[1]);
  E_attach_fd(pair[0], READ_FD, stop_fd, 'r', NULL, HIGH_PRIORITY);
  E_handle_events();
  EXPECT_RECORD("?r");
  E_init();
  close(pair[0]);
  close_pipe(full);

  /* Urgent data is what EXCEPT_FD is for; a hang-up is not. */
  listener = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0) abort();
  getsockname(listener, (struct sockaddr *)&address, &length);
  sender = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(sender, (struct sockaddr *)&address, sizeof address) != 0) abort();
  receiver = accept(listener, NULL, NULL);
  E_attach_fd(receiver, EXCEPT_FD, peek_fd, 'x', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD(".");
  CHECK_EQUAL(send(sender, "!", 1, MSG_OOB), 1);
  E_attach_fd(receiver, EXCEPT_FD, stop_fd, 'x', NULL, HIGH_PRIORITY);
  fcntl(receiver, F_SETFL, O_NONBLOCK);
  E_handle_events();
  EXPECT_RECORD("?x");
  close(sender);
  E_attach_fd(receiver, EXCEPT_FD, peek_fd, 'x', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD(".");
  E_init();
  close(receiver);
  close(listener);
}

/* ---- Callbacks that change the tables ---- */

static int other[2];

static void detach_self(int fd, int code, void *data) {
  (void)data;
  note((char)code);
  CHECK_EQUAL(E_detach_fd(fd, READ_FD), 0);
}

static void detach_other(int fd, int code, void *data) {
  read_fd(fd, code, data);
  CHECK_EQUAL(E_detach_fd(other[0], READ_FD), 0);
}

static void attach_other(int fd, int code, void *data) {
  read_fd(fd, code, data);
  CHECK_EQUAL(E_attach_fd(other[0], READ_FD, read_fd, 'o', NULL, HIGH_PRIORITY), 0);
}

static void requeue(int code, void *data) {
  int *left = data;
  note((char)code);
  if (--*left > 0) E_queue(requeue, code, data, milliseconds(1));
}

static void dequeue_other(int code, void *data) {
  note((char)code);
  CHECK_EQUAL(E_dequeue(tick, 'n', data), 0);
}

static void raise_threshold(int fd, int code, void *data) {
  read_fd(fd, code, data);
  E_set_active_threshold(HIGH_PRIORITY);
}

static void test_changes(void) {
  int first[2], second[2], third[2], left = 5;
  fill(first, 1), fill(second, 1), fill(third, 1), fill(other, 1);

  /* Each detaches itself: all run, once, though the descriptors stay ready. */
  E_init();
  E_attach_fd(first[0], READ_FD, detach_self, 'a', NULL, HIGH_PRIORITY);
  E_attach_fd(second[0], READ_FD, detach_self, 'b', NULL, HIGH_PRIORITY);
  E_attach_fd(third[0], READ_FD, detach_self, 'c', NULL, HIGH_PRIORITY);
  E_attach_fd(other[0], READ_FD, detach_self, 'd', NULL, LOW_PRIORITY);
  run_for(20);
  CHECK_EQUAL((long)strlen(record), 5);
  CHECK(strchr(record, 'a') && strchr(record, 'b') && strchr(record, 'c') && strchr(record, 'd'));
  record[0] = 0;
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY) + E_num_active(LOW_PRIORITY), 0);

  /* A ready entry detached before its turn is not called, one attached is called. */
  E_attach_fd(first[0], READ_FD, detach_other, 'a', NULL, HIGH_PRIORITY);
  E_attach_fd(other[0], READ_FD, peek_fd, 'o', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD("a.");
  CHECK(write(first[1], "x", 1) == 1);
  E_attach_fd(first[0], READ_FD, attach_other, 'a', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD("ao.");

  /* The only low entry of a round detaches itself. */
  E_init();
  E_attach_fd(second[0], READ_FD, detach_self, 'l', NULL, LOW_PRIORITY);
  run_for(10);
  EXPECT_RECORD("l.");

  /* A descriptor in two priorities is served once a round, with what there is. */
  E_init();
  CHECK(write(first[1], "x", 1) == 1);
  fcntl(first[0], F_SETFL, O_NONBLOCK);
  E_attach_fd(first[0], READ_FD, read_fd, 'l', NULL, LOW_PRIORITY);
  E_attach_fd(first[0], READ_FD, read_fd, 'h', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD("h.");

  /* A threshold raised by a callback counts in the same round. */
  E_init();
  CHECK(write(first[1], "x", 1) == 1);
  E_attach_fd(first[0], READ_FD, raise_threshold, 'r', NULL, HIGH_PRIORITY);
  E_attach_fd(second[0], READ_FD, detach_self, 'l', NULL, LOW_PRIORITY);
  run_for(10);
  EXPECT_RECORD("r.");
  E_set_active_threshold(LOW_PRIORITY);
  run_for(10);
  EXPECT_RECORD("l.");

  /* Timers that queue and dequeue themselves and others. */
  E_queue(requeue, 'q', &left, milliseconds(1));
  E_queue(dequeue_other, 'd', NULL, make_time(0, 0));
  E_queue(tick, 'n', NULL, milliseconds(2));
  run_for(60);
  EXPECT_RECORD("dqqqqq.");
  close_pipe(first), close_pipe(second), close_pipe(third), close_pipe(other);
  E_init();
}

/* ---- Leaving the loop ---- */

static void exit_by_signal(int number) {
  (void)number;
  E_exit_events_async_safe();
}

static void raise_it(int code, void *data) {
  (void)data;
  note('s');
  raise(code);
}

static void test_exits(void) {
  int ends[2];
  double start;
  E_init();
  handle(SIGALRM, exit_by_signal);
  /* A signal ends a wait without timers and descriptors, and one with them. */
  start = now();
  alarm_in(30);
  E_handle_events();
  CHECK(now() - start < 2);
  fill(ends, 0);
  E_attach_fd(ends[0], READ_FD, read_fd, 'r', NULL, LOW_PRIORITY);
  E_queue(tick, 'n', NULL, make_time(3600, 0));
  start = now();
  alarm_in(30);
  E_handle_events();
  CHECK(now() - start < 2);
  EXPECT_RECORD("");
  /* From a handler that interrupts a callback. */
  E_queue(raise_it, SIGALRM, NULL, make_time(0, 0));
  E_queue(tick, 'n', NULL, make_time(0, 0));
  E_handle_events();
  EXPECT_RECORD("s");
  /* Entries survive, and an exit asked for outside of the loop is forgotten. */
  CHECK_EQUAL(E_in_queue(tick, 'n', NULL), 1);
  CHECK_EQUAL(E_num_active(LOW_PRIORITY), 1);
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  E_exit_events();
  E_exit_events_async_safe();
  run_for(10);
  EXPECT_RECORD("rn.");
  /* A signal without exit does not disturb. */
  handle(SIGALRM, count_alarm);
  alarms = 0;
  alarm_in(10);
  run_for(40);
  EXPECT_RECORD(".");
  CHECK_EQUAL(alarms, 1);
  close_pipe(ends);
  E_init();
}

/* ---- The long run: two message sources, a pipe and a timer ---- */

enum { ROUNDS = 1000, PER_ROUND = 2 };

static struct {
  int uses_mailboxes;
  mailbox boxes[2]; /* or the reading ends of two socket pairs */
  int writers[2];
  int pipe[2];
  char group[2][MAX_GROUP_NAME];
  int round, received[2], piped, memberships, toggles, timers, reattached;
  int is_paused; /* the first source is deactivated */
  int in_callback;
} mix;

static void enter(void) { CHECK_EQUAL(mix.in_callback++, 0); }

static void leave(void) {
  mix.in_callback--;
  if (mix.received[0] == ROUNDS * PER_ROUND && mix.received[1] == ROUNDS * PER_ROUND && mix.piped == ROUNDS &&
      mix.round == ROUNDS) {
    raise(SIGUSR1); /* its handler ends the loop */
  }
}

/* Numbers arrive in order, whatever else goes on. */
static void take_number(int source, int number) {
  if (number != mix.received[source]) {
    CHECK_EQUAL(number, mix.received[source]);
    E_exit_events();
  }
  mix.received[source]++;
}

static void mix_message(int fd, int source, void *data) {
  int number = -1;
  enter();
  CHECK(data == &mix && fd == mix.boxes[source]);
  CHECK(!(source == 0 && mix.is_paused));
  if (mix.uses_mailboxes) {
    char sender[MAX_GROUP_NAME], groups[4][MAX_GROUP_NAME], body[200];
    int num_groups, mismatch, length;
    int16 type;
    service kind = 0;
    length = SP_receive(fd, &kind, sender, 4, &num_groups, groups, &type, &mismatch, sizeof body, body);
    if (length < 0) {
      CHECK_EQUAL(length, 0);
      E_exit_events();
    } else if (Is_membership_mess(kind)) {
      mix.memberships++;
    } else {
      memcpy(&number, body, sizeof number);
      CHECK_EQUAL(length, (long)sizeof number);
      take_number(source, number);
    }
  } else {
    CHECK_EQUAL(read(fd, &number, sizeof number), (long)sizeof number);
    take_number(source, number);
  }
  /* Now and then it leaves the loop's table and comes back by a timer. */
  if (source == 1 && mix.received[1] % 100 == 50 && number >= 0) CHECK_EQUAL(E_detach_fd(fd, READ_FD), 0);
  leave();
}

static void mix_pipe(int fd, int code, void *data) {
  char byte;
  enter();
  CHECK_EQUAL(code, 77);
  CHECK(data == NULL);
  CHECK_EQUAL(read(fd, &byte, 1), 1);
  CHECK_EQUAL(byte, mix.piped % 100);
  mix.piped++;
  leave();
}

static void send_number(int source, int number) {
  if (mix.uses_mailboxes) {
    /* Each mailbox sends to the group of the other. */
    CHECK_EQUAL(SP_multicast(mix.boxes[1 - source], FIFO_MESS, mix.group[source], 0, sizeof number, (char *)&number),
                (long)sizeof number);
  } else {
    CHECK_EQUAL(write(mix.writers[source], &number, sizeof number), (long)sizeof number);
  }
}

static void mix_reattach(int code, void *data) {
  (void)code;
  (void)data;
  if (E_attach_fd(mix.boxes[1], READ_FD, mix_message, 1, &mix, HIGH_PRIORITY) == 0) mix.reattached++;
  E_queue(mix_reattach, 0, NULL, milliseconds(5));
}

static void mix_toggle(int code, void *data) {
  (void)data;
  enter();
  mix.toggles++;
  mix.is_paused = code;
  CHECK_EQUAL(code ? E_deactivate_fd(mix.boxes[0], READ_FD) : E_activate_fd(mix.boxes[0], READ_FD), 0);
  CHECK_EQUAL(E_num_active(MEDIUM_PRIORITY), !code);
  E_queue(mix_toggle, !code, NULL, milliseconds(code ? 2 : 15));
  leave();
}

static void mix_timer(int code, void *data) {
  char byte = (char)(mix.round % 100);
  int i;
  enter();
  mix.timers++;
  for (i = 0; i < PER_ROUND; i++) {
    send_number(0, mix.round * PER_ROUND + i);
    send_number(1, mix.round * PER_ROUND + i);
  }
  CHECK_EQUAL(write(mix.pipe[1], &byte, 1), 1);
  if (++mix.round < ROUNDS) E_queue(mix_timer, code, data, make_time(0, 1000));
  leave();
}

static void give_up(int number) {
  (void)number;
  static const char text[] = "events.c: the loop hangs\n";
  if (write(2, text, sizeof text - 1) < 0) _exit(3);
  _exit(2);
}

static void test_mix(const char *address) {
  double start = now();
  int i;
  E_init();
  memset(&mix, 0, sizeof mix);
  mix.uses_mailboxes = address != NULL;
  for (i = 0; i < 2; i++) {
    if (address != NULL) {
      char user[16], private_group[MAX_GROUP_NAME];
      int result;
      sprintf(user, "ev%d%05d", i, (int)getpid() % 100000);
      result = SP_connect(address, user, 0, 1, &mix.boxes[i], private_group);
      CHECK_EQUAL(result, ACCEPT_SESSION);
      if (result != ACCEPT_SESSION) return;
      sprintf(mix.group[i], "events-%d-%d", (int)getpid(), i);
      CHECK_EQUAL(SP_join(mix.boxes[i], mix.group[i]), 0);
    } else {
      int pair[2];
      if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) abort();
      mix.boxes[i] = pair[0];
      mix.writers[i] = pair[1];
    }
  }
  fill(mix.pipe, 0);
  handle(SIGUSR1, exit_by_signal);
  handle(SIGALRM, give_up);
  alarm_in(120000);
  CHECK_EQUAL(E_attach_fd(mix.boxes[0], READ_FD, mix_message, 0, &mix, MEDIUM_PRIORITY), 0);
  CHECK_EQUAL(E_attach_fd(mix.boxes[1], READ_FD, mix_message, 1, &mix, HIGH_PRIORITY), 0);
  CHECK_EQUAL(E_attach_fd(mix.pipe[0], READ_FD, mix_pipe, 77, NULL, LOW_PRIORITY), 0);
  /* Join messages first, so that nothing sent is lost. */
  E_queue(mix_timer, 1, &mix, milliseconds(200));
  E_queue(mix_toggle, 1, NULL, milliseconds(205));
  E_queue(mix_reattach, 0, NULL, milliseconds(5));
  E_handle_events();
  alarm_in(0);
  CHECK_EQUAL(mix.received[0], ROUNDS * PER_ROUND);
  CHECK_EQUAL(mix.received[1], ROUNDS * PER_ROUND);
  CHECK_EQUAL(mix.piped, ROUNDS);
  CHECK_EQUAL(mix.timers, ROUNDS);
  CHECK(mix.toggles > 20);
  CHECK(mix.reattached >= 15);
  CHECK_EQUAL(mix.memberships, address != NULL ? 2 : 0);
  printf("%s, a pipe and timers: %d events in %.1f s\n", address != NULL ? "two mailboxes" : "two socket pairs",
         mix.received[0] + mix.received[1] + mix.memberships + mix.piped + mix.timers + mix.toggles, now() - start);
  for (i = 0; i < 2; i++) {
    if (address != NULL) {
      CHECK_EQUAL(SP_disconnect(mix.boxes[i]), 0);
    } else {
      close(mix.boxes[i]);
      close(mix.writers[i]);
    }
  }
  close_pipe(mix.pipe);
  E_init();
}

/* ---- Better than stock ---- */

static void deactivate_other(int fd, int code, void *data) {
  read_fd(fd, code, data);
  CHECK_EQUAL(E_deactivate_fd(other[0], READ_FD), 0);
}

static void run_nested(int fd, int code, void *data) {
  read_fd(fd, code, data);
  run_for(10);
}

static void reopen_other(int fd, int code, void *data) {
  read_fd(fd, code, data);
  E_detach_fd(other[0], READ_FD);
  close_pipe(other);
  fill(other, 0);
  CHECK_EQUAL(E_attach_fd(other[0], READ_FD, read_fd, 'o', NULL, HIGH_PRIORITY), 0);
}

/* From inside of the loop, as an exit asked for before it is forgotten. */
static void write_go(int fd, void *data) {
  (void)data;
  if (write(fd, "g", 1) != 1) abort();
}

static void test_better(void) {
  int ends[2], closed[2], i, status;
  double start;
  pid_t child;

  /* Null functions, the highest descriptor. */
  E_init();
  capture_output();
  CHECK_EQUAL(E_queue(NULL, 0, NULL, make_time(0, 0)), -1);
  CHECK_EQUAL(E_in_queue(NULL, 0, NULL), 0);
  CHECK_EQUAL(E_dequeue(NULL, 0, NULL), -1);
  CHECK_EQUAL(E_attach_fd(0, READ_FD, NULL, 0, NULL, LOW_PRIORITY), -1);
  CHECK_EQUAL(E_detach_fd_priority(0, READ_FD, 3), -1);
  CHECK_EQUAL(E_detach_fd_priority(0, READ_FD, INT_MIN), -1);
  CHECK_EQUAL(captured_lines(), 4);
  CHECK_EQUAL(E_attach_fd(1024, READ_FD, peek_fd, 'h', NULL, LOW_PRIORITY), 0);
  CHECK_EQUAL(E_detach_fd(1024, READ_FD), 0);

  /* Times at the ends of their range: never due, or at once. */
  E_queue(tick, 'f', NULL, make_time(LONG_MAX, 999999));
  E_queue(tick, 'g', NULL, make_time(LONG_MAX, LONG_MAX));
  E_queue(tick, 'p', NULL, make_time(LONG_MIN, LONG_MIN));
  E_queue(tick, 'u', NULL, make_time(0, 5000)), E_queue(tick, 'v', NULL, make_time(0, 3600000000L));
  run_for(20);
  EXPECT_RECORD("pu.");
  E_add_time(make_time(LONG_MAX, LONG_MAX), make_time(LONG_MAX, LONG_MAX));
  E_sub_time(make_time(LONG_MIN, LONG_MIN), make_time(LONG_MAX, LONG_MIN));
  E_neg_time(make_time(LONG_MIN, LONG_MIN));

  /* A closed descriptor does not keep the others from being served, nor the process busy. */
  E_init();
  fill(ends, 1), fill(closed, 1);
  E_attach_fd(closed[0], READ_FD, read_fd, 'c', NULL, HIGH_PRIORITY);
  E_attach_fd(ends[0], READ_FD, read_fd, 'r', NULL, HIGH_PRIORITY);
  close_pipe(closed);
  {
    clock_t before = clock();
    run_for(200);
    CHECK((double)(clock() - before) / CLOCKS_PER_SEC < 0.1);
  }
  EXPECT_RECORD("r.");

  /* Deactivated before its turn: not called. Closed and opened anew before its turn: not called for what was. */
  E_init();
  fill(other, 1);
  CHECK(write(ends[1], "x", 1) == 1);
  E_attach_fd(ends[0], READ_FD, deactivate_other, 'd', NULL, HIGH_PRIORITY);
  E_attach_fd(other[0], READ_FD, read_fd, 'o', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD("d.");
  E_activate_fd(other[0], READ_FD);
  CHECK(write(ends[1], "x", 1) == 1);
  E_attach_fd(ends[0], READ_FD, reopen_other, 'n', NULL, HIGH_PRIORITY);
  run_for(10);
  EXPECT_RECORD("n.");

  /* Replaced while inactive, or detached from another priority: watched. */
  E_init();
  E_attach_fd(other[0], READ_FD, read_fd, 'o', NULL, LOW_PRIORITY);
  E_deactivate_fd(other[0], READ_FD);
  CHECK_EQUAL(E_attach_fd(other[0], READ_FD, read_fd, 'p', NULL, LOW_PRIORITY), 1);
  CHECK(write(other[1], "x", 1) == 1);
  run_for(10);
  EXPECT_RECORD("p.");
  E_attach_fd(other[0], READ_FD, read_fd, 'h', NULL, HIGH_PRIORITY);
  CHECK_EQUAL(E_detach_fd_priority(other[0], READ_FD, LOW_PRIORITY), 0);
  CHECK(write(other[1], "x", 1) == 1);
  run_for(10);
  EXPECT_RECORD("h.");

  /* The loop inside a callback: what it served is not served again; its exit ends both. */
  E_init();
  CHECK(write(ends[1], "xx", 2) == 2 && write(other[1], "x", 1) == 1);
  E_attach_fd(ends[0], READ_FD, run_nested, 'n', NULL, HIGH_PRIORITY);
  E_attach_fd(other[0], READ_FD, read_fd, 'o', NULL, HIGH_PRIORITY);
  E_detach_fd(ends[0], READ_FD);
  E_attach_fd(ends[0], READ_FD, run_nested, 'n', NULL, MEDIUM_PRIORITY);
  E_handle_events();
  EXPECT_RECORD("onn.");
  close_pipe(ends), close_pipe(other);

  /* A signal at any moment ends the loop: none is lost between the look at the flag and the wait. */
  E_init();
  handle(SIGUSR1, exit_by_signal);
  handle(SIGALRM, give_up);
  fill(ends, 0);
  child = fork();
  if (child == 0) {
    /* Asks for an exit again and again, each time once the last one happened. */
    char byte;
    unsigned random = 1;
    close(ends[1]); /* so that it ends with its parent */
    while (read(ends[0], &byte, 1) == 1 && byte == 'g') {
      random = random * 1103515245u + 12345u;
      for (i = 0; i < (int)(random >> 16 & 0x3ff); i++) (void)getppid();
      kill(getppid(), SIGUSR1);
    }
    _exit(0);
  }
  alarm_in(60000);
  start = now();
  for (i = 0; i < 5000; i++) {
    E_queue(write_go, ends[1], NULL, make_time(0, 0));
    E_handle_events();
  }
  CHECK(now() - start < 30);
  alarm_in(0);
  if (write(ends[1], "q", 1) != 1) abort();
  waitpid(child, &status, 0);
  CHECK_EQUAL(status, 0);
  close_pipe(ends);

  /* errno stays, the signal mask too. */
  {
    sigset_t mask;
    errno = 77;
    run_for(5);
    record[0] = 0;
    CHECK_EQUAL(errno, 77);
    E_delay(milliseconds(1));
    CHECK_EQUAL(errno, 77);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    CHECK_EQUAL(sigismember(&mask, SIGUSR1), 0);
  }
}

int main(int argc, char **argv) {
  int better = argc > 1 && strcmp(argv[1], "-x") == 0;
  const char *address = argc > 1 + better ? argv[1 + better] : NULL;
  handle(SIGALRM, give_up);
  test_times();
  test_delay();
  test_timers();
  test_many_timers();
  test_arguments();
  test_table();
  test_order();
  test_kinds();
  test_changes();
  test_exits();
  test_mix(NULL);
  if (address != NULL) test_mix(address);
  if (better) test_better();
  printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
