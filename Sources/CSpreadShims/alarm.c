/*
 * The Alarm printer: c-api 10.3. Variadic functions, two data symbols and standard output: all of it is C's, so all
 * of it is here.
 *
 * A line is put together in memory and written at once, so lines of several threads do not mix. Settings are plain
 * variables, as in stock: set them before threads are started.
 */
#include "spread_alarm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

unsigned int Alarm_type_mask = ALARM_PRINT | ALARM_EXIT;
unsigned short Alarm_cur_priority = SPLOG_DEBUG;

static int interactive;
static alarm_realtime_handler *realtime_handler;

enum { FORMAT_SIZE = 40, STAMP_SIZE = 128, LINE_SIZE = 1024 };
static char stamp_format[FORMAT_SIZE]; /* empty: no stamp */
static int stamp_has_microseconds;

/* ---- Printing ---- */

static int is_needed(short priority, int mask) {
  int level = priority & SPLOG_PRIORITY_FIELDS;
  return (mask & ALARM_EXIT) || level >= SPLOG_PRINT ||
         (level >= Alarm_cur_priority && ((unsigned int)mask & Alarm_type_mask));
}

/* The time stamp with a NUL, without the blank after it; its length, 0 when there is none. */
static size_t write_stamp(char stamp[STAMP_SIZE]) {
  struct timeval now;
  struct tm parts;
  time_t seconds;
  size_t length;
  stamp[0] = 0;
  if (stamp_format[0] == 0) return 0;
  gettimeofday(&now, NULL);
  seconds = now.tv_sec;
  if (localtime_r(&seconds, &parts) == NULL) return 0;
  length = strftime(stamp, STAMP_SIZE - 8, stamp_format, &parts);
  if (length == 0) stamp[0] = 0; /* it did not fit, the buffer is undefined */
  if (length > 0 && stamp_has_microseconds) {
    length += (size_t)snprintf(stamp + length, STAMP_SIZE - length, ".%06ld", (long)now.tv_usec);
  }
  return length;
}

/* Stamp, blank and message. The result is `room`, or allocated when that is too small; what cannot be had is cut. */
static char *write_line(char room[LINE_SIZE], const char *stamp, size_t stamp_length, const char *format,
                        va_list arguments, size_t *length) {
  char *line = room;
  size_t start = stamp_length == 0 ? 0 : stamp_length + 1;
  va_list again;
  int message_length;
  memcpy(line, stamp, stamp_length);
  if (start > 0) line[stamp_length] = ' ';
  line[start] = 0;
  va_copy(again, arguments);
  message_length = vsnprintf(line + start, LINE_SIZE - start, format, arguments);
  *length = start;
  if (message_length >= 0) {
    size_t needed = start + (size_t)message_length;
    char *larger = needed < LINE_SIZE ? NULL : malloc(needed + 1);
    *length = needed < LINE_SIZE ? needed : LINE_SIZE - 1;
    if (larger != NULL) {
      memcpy(larger, line, start);
      if (vsnprintf(larger + start, (size_t)message_length + 1, format, again) >= 0) {
        line = larger;
        *length = needed;
      } else {
        free(larger);
      }
    }
  }
  va_end(again);
  return line;
}

static void print(short priority, int mask, const char *format, va_list arguments) {
  char stamp[STAMP_SIZE], room[LINE_SIZE];
  int is_fatal = (mask & ALARM_EXIT) || (priority & SPLOG_PRIORITY_FIELDS) == SPLOG_FATAL;
  int before = errno;
  size_t stamp_length, start, length;
  char *line;
  if (!is_needed(priority, mask)) return;
  stamp[0] = 0;
  stamp_length = (priority & SPLOG_NODATE) ? 0 : write_stamp(stamp);
  start = stamp_length == 0 ? 0 : stamp_length + 1;
  errno = before; /* for %m */
  line = write_line(room, stamp, stamp_length, format == NULL ? "" : format, arguments, &length);
  fwrite(line, 1, length, stdout);
  if (realtime_handler != NULL && (is_fatal || (priority & SPLOG_REALTIME)) &&
      realtime_handler(priority, mask, stamp, stamp_length, line + start, length - start) != 0) {
    fputs("Alarm: the realtime handler failed\n", stdout);
  }
  if (line != room) free(line);
  if (is_fatal) {
    fputs("Exit caused by Alarm!\n", stdout); /* scripts look for it */
    fflush(stdout);                           /* abort does not do it */
    abort();
  }
  errno = before;
}

void Alarmp(short priority, int mask, char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print(priority, mask, format, arguments);
  va_end(arguments);
}

void Alarm(int mask, char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print(SPLOG_WARNING, mask, format, arguments);
  va_end(arguments);
}

/* ---- Where to ---- */

/* Stock closes both streams when the file cannot be opened; here they stay as they are. */
void Alarm_set_output(char *path) {
  FILE *file = path == NULL ? NULL : fopen(path, "a");
  if (file == NULL) {
    printf("Alarm: cannot write to %s: %s\n", path == NULL ? "a file without name" : path, strerror(errno));
    return;
  }
  fclose(file);
  if (freopen(path, "a", stdout) != NULL) setvbuf(stdout, NULL, _IONBF, 0);
  if (freopen(path, "a", stderr) != NULL) setvbuf(stderr, NULL, _IONBF, 0);
}

/* ---- Time stamps ---- */

static int ends_in_seconds(const char *format) {
  size_t length = strlen(format);
  return length >= 2 && format[length - 2] == '%' && (format[length - 1] == 'S' || format[length - 1] == 's');
}

static void enable_timestamp(const char *format, int with_microseconds) {
  snprintf(stamp_format, sizeof stamp_format, "%s", format == NULL ? "%m/%d/%y %H:%M:%S" : format);
  /* Microseconds are written behind the stamp, so it has to end in seconds. */
  if (with_microseconds && !ends_in_seconds(stamp_format)) {
    if (strlen(stamp_format) + 3 < sizeof stamp_format) {
      strcat(stamp_format, " %s");
    } else {
      with_microseconds = 0;
    }
  }
  stamp_has_microseconds = with_microseconds;
}

void Alarm_enable_timestamp(const char *format) { enable_timestamp(format, 0); }
void Alarm_enable_timestamp_high_res(const char *format) { enable_timestamp(format, 1); }

void Alarm_disable_timestamp(void) {
  stamp_format[0] = 0;
  stamp_has_microseconds = 0;
}

/* ---- What ---- */

void Alarm_set_types(int mask) { Alarm_type_mask |= (unsigned int)mask; }
void Alarm_clear_types(int mask) { Alarm_type_mask &= ~(unsigned int)mask; }
int Alarm_get_types(void) { return (int)Alarm_type_mask; }
void Alarm_set_priority(short priority) { Alarm_cur_priority = (unsigned short)(priority & SPLOG_PRIORITY_FIELDS); }
short Alarm_get_priority(void) { return (short)Alarm_cur_priority; }
void Alarm_set_realtime_print_handler(alarm_realtime_handler *handler) { realtime_handler = handler; }
void Alarm_set_interactive(void) { interactive = 1; }
int Alarm_get_interactive(void) { return interactive; }
