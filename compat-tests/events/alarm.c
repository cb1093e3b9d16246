/*
 * The Alarm printer, declared as a program has to declare it: c-api 10.3.
 *
 *   alarm [-x]
 *
 * -x adds the checks where this library deliberately does better than stock 5.0.1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sp.h>

typedef int(alarm_realtime_handler)(int16, int32, char *, size_t, char *, size_t);
void Alarm(int32 mask, char *fmt, ...);
void Alarmp(int16 prio, int32 mask, char *fmt, ...);
void Alarm_set_output(char *path);
void Alarm_enable_timestamp(const char *fmt);
void Alarm_enable_timestamp_high_res(const char *fmt);
void Alarm_disable_timestamp(void);
void Alarm_set_types(int32 mask);
void Alarm_clear_types(int32 mask);
int32 Alarm_get_types(void);
void Alarm_set_priority(int16 prio);
int16 Alarm_get_priority(void);
void Alarm_set_realtime_print_handler(alarm_realtime_handler *fn);
void Alarm_set_interactive(void);
int Alarm_get_interactive(void);
extern unsigned int Alarm_type_mask;
extern unsigned short Alarm_cur_priority;

enum { EXIT = 1, PRINT = 0x10, SESSION = 0x80, MEMB = 0x200 };
enum { INFO = 2, WARNING = 3, FAILURE = 4, ALWAYS = 6, FATAL = 7, NODATE = 0x10, REALTIME = 0x20 };

static int checks, failures;

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static void check(int good, const char *text, int line) {
  checks++;
  if (good) return;
  failures++;
  fprintf(stderr, "alarm.c:%d: not so: %s\n", line, text);
}

/* Everything a child prints on standard output, and how it ends. */
static char output[65536];
static int status;

static void run(void (*body)(void)) {
  int ends[2];
  size_t length = 0;
  ssize_t n;
  pid_t child;
  if (pipe(ends) != 0) abort();
  fflush(stdout);
  child = fork();
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    body();
    fflush(stdout);
    _exit(0);
  }
  close(ends[1]);
  while ((n = read(ends[0], output + length, sizeof output - 1 - length)) > 0) length += (size_t)n;
  output[length] = 0;
  close(ends[0]);
  waitpid(child, &status, 0);
}

#define EXPECT(body, expected) expect(body, expected, __LINE__)

static void expect(void (*body)(void), const char *expected, int line) {
  run(body);
  checks++;
  if (strcmp(output, expected) == 0 && status == 0) return;
  failures++;
  fprintf(stderr, "alarm.c:%d: status %d, printed \"%s\", not \"%s\"\n", line, status, output, expected);
}

/* ---- What is printed ---- */

static void by_type(void) {
  Alarm(PRINT, "a %d %s\n", 5, "five");
  Alarm(SESSION, "b\n");
  Alarm_set_types(SESSION | MEMB);
  Alarm(SESSION, "c\n");
  Alarm(MEMB, "d\n");
  Alarm_clear_types(MEMB);
  Alarm(MEMB, "e\n");
  Alarm(MEMB | PRINT, "f\n");
  Alarm(0, "g\n");
  Alarm_clear_types(PRINT);
  Alarm(PRINT, "h\n");
  Alarm_type_mask = MEMB;
  Alarm(MEMB, "i\n");
}

static void by_priority(void) {
  Alarmp(INFO, PRINT, "a\n");
  Alarm_set_priority(WARNING);
  Alarmp(INFO, PRINT, "b\n");
  Alarmp(WARNING, PRINT, "c\n");
  Alarm(PRINT, "d\n"); /* a warning */
  Alarm_set_priority(FAILURE);
  Alarm(PRINT, "e\n");
  Alarmp(FAILURE, PRINT, "f\n");
  Alarmp(FAILURE, MEMB, "g\n");
  Alarmp(ALWAYS, 0, "h\n");
  Alarmp(ALWAYS | NODATE, 0, "i\n");
  Alarm_cur_priority = INFO;
  Alarmp(INFO, PRINT, "j\n");
}

static void without_newline(void) { Alarm(PRINT, "a"), Alarm(PRINT, ""), Alarm(PRINT, "b"), Alarm(PRINT, "%%c"); }

static void error_text(void) { SP_error(ILLEGAL_GROUP); }

static void with_stamp(void) {
  Alarm_enable_timestamp("<%%>");
  Alarm(PRINT, "a\n");
  Alarmp(WARNING | NODATE, PRINT, "b\n");
  Alarm_disable_timestamp();
  Alarm(PRINT, "c\n");
}

static void default_stamp(void) { Alarm_enable_timestamp(NULL), Alarm(PRINT, "x\n"); }
static void fine_stamp(void) { Alarm_enable_timestamp_high_res("%H:%M:%S"), Alarm(PRINT, "x\n"); }
static void fine_stamp_appended(void) { Alarm_enable_timestamp_high_res("at"), Alarm(PRINT, "x\n"); }

static int handler_result;
static int handler(int16 priority, int32 mask, char *stamp, size_t stamp_length, char *message, size_t length) {
  printf("[%d %x %.*s %.*s]", priority, (unsigned)mask, (int)stamp_length, stamp, (int)length, message);
  if (message[length] != 0) printf("not terminated");
  return handler_result;
}

static void realtime(void) {
  Alarm_set_realtime_print_handler(handler);
  Alarmp(WARNING, PRINT, "a");
  Alarmp(WARNING | REALTIME, PRINT, "b%d", 1);
  Alarmp(INFO | REALTIME, MEMB, "c");
  Alarm_enable_timestamp("T");
  Alarmp(WARNING | REALTIME, PRINT, "d");
  Alarm_set_realtime_print_handler(NULL);
  Alarmp(WARNING | REALTIME, PRINT, "e");
}

static void long_message(void) {
  static char text[20001];
  memset(text, 'y', sizeof text - 1);
  Alarm_enable_timestamp("T");
  Alarm(PRINT, "<%s>", text);
}

/* ---- The end ---- */

static void exits(void) { Alarm_clear_types(-1), Alarm(EXIT, "a\n"), fflush(stdout); }
static void fatal(void) { Alarmp(FATAL, 0, "b\n"), fflush(stdout); }

/* ---- Elsewhere ---- */

static char file_name[] = "/tmp/spread-alarm-XXXXXX";

static void to_file(void) {
  Alarm(PRINT, "before ");
  Alarm_set_output(file_name);
  Alarm(PRINT, "after\n");
  fprintf(stderr, "error\n");
  Alarm(PRINT, "more\n");
  _exit(0); /* unbuffered: nothing is lost */
}

static void to_nowhere(void) {
  Alarm_set_output((char *)"/nonexistent/file");
  Alarm_set_output(NULL);
  Alarm(PRINT, "still here\n");
}

static int stamp_is(const char *format, int tail) {
  char now[200], before[200];
  struct timespec fine; /* time() reads a clock that lags by up to a tick: the stamp could be of the second after it */
  time_t seconds;
  clock_gettime(CLOCK_REALTIME, &fine);
  seconds = fine.tv_sec;
  strftime(now, sizeof now, format, localtime(&seconds));
  seconds--;
  strftime(before, sizeof before, format, localtime(&seconds));
  return strlen(output) == strlen(now) + (size_t)tail &&
         (strncmp(output, now, strlen(now)) == 0 || strncmp(output, before, strlen(before)) == 0);
}

int main(int argc, char **argv) {
  int better = argc > 1 && strcmp(argv[1], "-x") == 0;
  FILE *file;
  CHECK(Alarm_type_mask == 0x11);
  CHECK(Alarm_cur_priority == 1);
  CHECK(Alarm_get_types() == 0x11);
  CHECK(Alarm_get_priority() == 1);
  CHECK(Alarm_get_interactive() == 0);
  Alarm_set_interactive();
  CHECK(Alarm_get_interactive() == 1);
  Alarm_set_types(MEMB);
  CHECK(Alarm_get_types() == 0x211 && Alarm_type_mask == 0x211);
  Alarm_clear_types(MEMB);
  CHECK(Alarm_get_types() == 0x11);
  Alarm_set_priority(0x74);
  CHECK(Alarm_get_priority() == 4 && Alarm_cur_priority == 4);
  Alarm_set_priority(1);

  EXPECT(by_type, "a 5 five\nc\nd\nf\ni\n");
  EXPECT(by_priority, "a\nc\nd\nf\nh\ni\nj\n");
  EXPECT(without_newline, "ab%c");
  EXPECT(with_stamp, "<%> a\nb\nc\n");
  run(default_stamp);
  CHECK(stamp_is("%m/%d/%y %H:%M:%S", 3) && strcmp(output + strlen(output) - 3, " x\n") == 0);
  run(fine_stamp);
  CHECK(stamp_is("%H:%M:%S", 10) && output[8] == '.' && strspn(output + 9, "0123456789") == 6);
  run(fine_stamp_appended);
  CHECK(strncmp(output, "at ", 3) == 0 && strchr(output, '.') != NULL);
  CHECK(strspn(strchr(output, '.') + 1, "0123456789") == 6);
  EXPECT(realtime, "ab1[35 10  b1]T d[35 10 T d]T e");
  run(long_message);
  CHECK(strlen(output) >= 20004 && strstr(output, "T <yyyy") != NULL);
  CHECK(strcmp(output + strlen(output) - 5, "yyyy>") == 0);

  run(error_text);
  CHECK(strncmp(output, "SP_error: (-14) ", 16) == 0 && strchr(output, '\n') == output + strlen(output) - 1);

  run(exits);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  run(fatal);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);

  close(mkstemp(file_name));
  run(to_file);
  CHECK(strcmp(output, "before ") == 0);
  file = fopen(file_name, "r");
  output[fread(output, 1, sizeof output - 1, file)] = 0;
  CHECK(strcmp(output, "after\nerror\nmore\n") == 0);
  fclose(file);
  unlink(file_name);

  if (better) {
    run(exits);
    CHECK(strcmp(output, "a\nExit caused by Alarm!\n") == 0);
    run(fatal);
    CHECK(strcmp(output, "b\nExit caused by Alarm!\n") == 0);
    run(to_nowhere);
    CHECK(strstr(output, "still here\n") != NULL);
    run(long_message);
    CHECK(strlen(output) == 20004);
    handler_result = 1;
    run(realtime);
    CHECK(strstr(output, "realtime handler failed") != NULL);
    errno = 77;
    Alarmp(ALWAYS, 0, (char *)"%s", "");
    CHECK(errno == 77);
    Alarmp(ALWAYS, 0, NULL);
  }
  printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
