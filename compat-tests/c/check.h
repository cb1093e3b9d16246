/* The few lines every C and C++ program here shares: count checks, name the failing ones, never hang.
   A program calls check_start() first and returns check_end(), which prints "N passed, M failed". */
#ifndef COMPAT_CHECK_H
#define COMPAT_CHECK_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_passed, check_failed;
static const char *check_section = "start";

/* A blocked SP_receive is how a lost message shows, so the time limit is part of the test. */
static void check_timeout(int signal_number) {
  char line[200];
  int length;
  (void)signal_number;
  length = snprintf(line, sizeof line, "FAIL timed out in section \"%s\"\n%d passed, %d failed\n", check_section,
                    check_passed, check_failed + 1);
  if (length > 0 && write(1, line, (size_t)length) < 0) _exit(3);
  _exit(2);
}

static void check_start(unsigned seconds) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGALRM, check_timeout);
  alarm(seconds);
}

static int check_end(void) {
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed == 0 ? 0 : 1;
}

static void section(const char *name) { check_section = name; }

static int check_at(int line, int good, const char *text) {
  if (good) {
    check_passed++;
  } else {
    check_failed++;
    printf("FAIL %s, line %d: %s\n", check_section, line, text);
  }
  return good;
}

static void check_equal_at(int line, long got, long expected, const char *text) {
  if (!check_at(line, got == expected, text)) printf("     got %ld, expected %ld\n", got, expected);
}

static void check_text_at(int line, const char *got, const char *expected, const char *text) {
  if (!check_at(line, strcmp(got, expected) == 0, text)) printf("     got \"%s\", expected \"%s\"\n", got, expected);
}

#define CHECK(condition) check_at(__LINE__, (condition) != 0, #condition)
#define CHECK_EQUAL(got, expected) check_equal_at(__LINE__, (long)(got), (long)(expected), #got " == " #expected)
#define CHECK_TEXT(got, expected) check_text_at(__LINE__, (got), (expected), #got " == " #expected)

#endif
