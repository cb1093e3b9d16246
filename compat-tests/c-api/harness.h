/*
 * What cases.c is written with: rows that pass, fail or are skipped by their id; receiving with preset outputs; a
 * scripted server in a child process. Valid as C99 and as C++98.
 */
#ifndef CASES_HARNESS_H
#define CASES_HARNESS_H

#include <sp.h>

#include <stdio.h>

/* Rows of the table per letter, A to K. */
extern const int cases_rows[11];

/* One check of a row. A row passes when all its checks do. The text after `passed`, printf arguments, is printed when it
   fails; it is looked at after the check, so it may use what the check assigned. */
#define row(id, passed, ...) ((passed) ? row_passed(id) : row_failed(id, __VA_ARGS__))
void row_passed(const char *id);
void row_failed(const char *id, const char *format, ...);
void skip(const char *id, const char *reason);
/* From one id to another of the same letter. */
void skip_rows(const char *first, const char *last, const char *reason);
/* Prints every failed, skipped and never run row and the sums; the exit status. */
int summary(void);

/* The program ends with a message when no row was reported for so many seconds. */
void watchdog(int seconds);

/* ---- Receiving ---- */

#define UNSET (-777)
#define FILL 0x5a
#define LATE (-999) /* nothing arrived in time */

struct rx {
  int result;
  service type;
  char sender[MAX_GROUP_NAME];
  int num_groups;
  char groups[400][MAX_GROUP_NAME];
  int16 mess_type;
  int mismatch;
  char body[150000];
};
extern struct rx R;

/* Presets the outputs of R, waits up to 5 s for the mailbox to become readable, receives. `drop` is 0 or DROP_RECV. */
int rx(mailbox m, int drop, int max_groups, int max_length);
/* Without waiting: for mailboxes that answer at once. */
int rx_now(mailbox m, int drop, int max_groups, int max_length);
/* Whether outputs, or the group and body arrays, still are as preset. */
int outputs_untouched(void);
int arrays_untouched(void);
/* Whether nothing arrives within `milliseconds`. */
int quiet(mailbox m, int milliseconds);

/* ---- Connecting ---- */

extern const char *daemon_name; /* port@host */
extern char daemon_host[128];
extern unsigned daemon_port;

/* Connects to the daemon; tries again for 5 s while the name is still in use. Ends the program when that fails. */
mailbox user(const char *name, int membership, char *private_group);
/* A name no earlier group of this process had. */
const char *fresh_group(void);
/* Leaves: SP_disconnect. */
void gone(mailbox m);
double now(void);
void pause_ms(int milliseconds);

/* ---- A scripted server ---- */

struct server {
  int port;
  int pid;
  int from_child; /* what the script reports */
  char name[64];  /* port@127.0.0.1 */
};

/* Runs `script(connected socket, report)` in a child for the first connection; then the child ends. */
void serve(struct server *s, void (*script)(int fd, int report));
/* Waits for the child's end. Reads at most `size` bytes of its report first when `report` is not null. */
int served(struct server *s, char *report, int size);

/* For scripts. */
void put(int fd, const void *bytes, int length);
int take(int fd, void *bytes, int length); /* as many as come before the end */
void await_close(int fd);
/* Hello, list, choice, acceptance of private group "#a#b". */
void greet(int fd);

/* Messages of the server, in one byte order (0 little, 1 big) for the header and one for the hint. */
struct message {
  unsigned char bytes[4096];
  int length;
};
void word(struct message *m, unsigned value, int big);
void name32(struct message *m, const char *name);
void text(struct message *m, const char *bytes, int length);
void header(struct message *m, int big, int big_hint, unsigned type, const char *name, int groups, int mess_type,
            int length);
/* Connects a mailbox to a server that sends `length` bytes (pausing `gap_ms` between them when not 0), and then waits
   for the end (or, `closes`, ends at once). */
mailbox scripted(struct server *s, const struct message *m, int gap_ms, int closes);

#endif
