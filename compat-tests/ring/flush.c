/* A member of a Flush group: sends while it may, agrees to every view a little late, and writes down everything it sees
   as JSON lines of the Flush layer (docs/traces.md). Linked against an installed libspread; knows nothing else of this
   project.

     flush ADDRESS NAME DAEMON GROUP TRACE leaves|stays INTERVAL

   leaves: it leaves the group now and then and comes back. INTERVAL: milliseconds between two messages. Signals:
     SIGUSR1   calm: it comes back, if need be, and stays
     SIGUSR2   quiet: nothing is sent
     SIGTERM   the trace is complete: close it, and sleep with the session open */
#include <fl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { most_names = 50, largest_message = 4000, illegal_state = -27 };

static FILE *trace;
static mailbox mbox;
static const char *label, *group;
static char own[MAX_GROUP_NAME];
static volatile sig_atomic_t is_calm, is_quiet, is_over;

/* The installed view. */
static int32_t view[3];
static int member_count;
static char members[most_names][MAX_GROUP_NAME];
static enum { outside, joining, inside, leaving } state;
/* The agreement was given. */
static int agreed;
/* When the agreement that is owed goes out; 0: none is owed. */
static int64_t due;
static uint32_t counter;

static void on_signal(int number) {
  if (number == SIGUSR1) is_calm = 1;
  if (number == SIGUSR2) is_quiet = 1;
  if (number == SIGTERM) is_over = 1;
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int below(int bound) { return rand() / 7 % bound; }
static int64_t milliseconds(int least, int more) { return (least + below(more)) * INT64_C(1000000); }

/* ---- the trace ---- */

static void begin(const char *event) {
  fprintf(trace, "{\"ev\":\"%s\",\"c\":\"%s\",\"t\":%" PRId64, event, label, now());
}
/* Each line at once: the test reads along. */
static void end(void) {
  fputs("}\n", trace);
  fflush(trace);
}
static void field(const char *key, const char *value) { fprintf(trace, ",\"%s\":\"%s\"", key, value); }
static void number(const char *key, int64_t value) { fprintf(trace, ",\"%s\":%" PRId64, key, value); }
static void names(int count, char (*list)[MAX_GROUP_NAME]) {
  int i;
  putc('[', trace);
  for (i = 0; i < count; i++) fprintf(trace, "%s\"%s\"", i ? "," : "", list[i]);
  putc(']', trace);
}
static void id(void) {
  fprintf(trace, ",\"gid\":[%" PRIu32 ",%" PRId32 ",%" PRId32 "]", (uint32_t)view[0], view[1], view[2]);
}

static void call(const char *event, int result) {
  begin(event);
  field("group", group);
  number("rc", result);
  end();
}

static void lost(int result) {
  begin("closed");
  number("rc", result);
  end();
  fprintf(stderr, "flush %s: closed by %d\n", label, result);
  exit(1);
}

static int64_t hash(const char *bytes, int count) {
  uint64_t value = UINT64_C(0xcbf29ce484222325);
  int i;
  for (i = 0; i < count; i++) value = (value ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
  return (int64_t)value;
}

static void message(const char *sender, uint32_t count) { fprintf(trace, ",\"mid\":\"%s:%" PRIu32 "\"", sender, count); }

static void payload(service type, int count, char (*list)[MAX_GROUP_NAME], int16 kind, const char *body, int length) {
  field("svc", Is_unreliable_mess(type) ? "UNRELIABLE"
               : Is_reliable_mess(type) ? "RELIABLE"
               : Is_fifo_mess(type)     ? "FIFO"
               : Is_causal_mess(type)   ? "CAUSAL"
               : Is_agreed_mess(type)   ? "AGREED"
                                        : "SAFE");
  fputs(",\"groups\":", trace);
  names(count, list);
  if (Is_self_discard(type)) fputs(",\"selfDiscard\":true", trace);
  number("mtype", kind);
  number("hash", hash(body, length));
  number("len", length);
}

/* ---- receiving ---- */

static void got_view(service type, int count, char (*list)[MAX_GROUP_NAME], int16 place, char *body) {
  int set;
  memcpy(view, body + FL_get_gid_offset_memb_mess(), sizeof view);
  memcpy(&set, body + FL_get_num_vs_offset_memb_mess(), sizeof set);
  member_count = count;
  memcpy(members, list, sizeof members);
  state = state == joining ? inside : state;
  agreed = 0;
  due = 0;
  begin("view");
  field("group", group);
  id();
  fputs(",\"members\":", trace);
  names(count, list);
  number("index", place);
  field("cause", Is_caused_join_mess(type)         ? "JOIN"
                 : Is_caused_leave_mess(type)      ? "LEAVE"
                 : Is_caused_disconnect_mess(type) ? "DISCONNECT"
                                                   : "NETWORK");
  if (!Is_caused_network_mess(type)) field("changed", body + FL_get_vs_set_offset_memb_mess());
  fputs(",\"vs\":[", trace);
  names(set, (char (*)[MAX_GROUP_NAME])(body + FL_get_vs_set_offset_memb_mess()));
  fputs("]", trace);
  end();
}

static void take(void) {
  static char list[most_names][MAX_GROUP_NAME], body[20000];
  char sender[MAX_GROUP_NAME];
  int count, endian, more, length;
  int16 kind;
  uint32_t sent;
  do {
    service type = DONT_BLOCK;
    length = FL_receive(mbox, &type, sender, most_names, &count, list, &kind, &endian, sizeof body, body, &more);
    if (length == WOULD_BLOCK) return;
    if (length < 0) lost(length);
    if (Is_flush_req_mess(type)) {
      begin("flushreq");
      field("group", sender);
      end();
      due = now() + milliseconds(1, 30);
    } else if (Is_regular_mess(type)) {
      memcpy(&sent, body, sizeof sent);
      begin("recv");
      message(sender, sent);
      field("sender", sender);
      payload(type, count, list, kind, body, length);
      end();
    } else if (Is_transition_mess(type)) {
      begin("trans");
      field("group", sender);
      id();
      end();
    } else if (Is_reg_memb_mess(type)) {
      got_view(type, count, list, kind, body);
    } else {
      begin("selfleave");
      field("group", sender);
      end();
      state = outside;
      due = 0;
    }
  } while (more > 0);
}

/* ---- doing ---- */

/* To all, now and then to some of them or to one by its private name. */
static void send_one(void) {
  static const service services[] = {UNRELIABLE_MESS, RELIABLE_MESS, FIFO_MESS, FIFO_MESS,
                                     CAUSAL_MESS,     AGREED_MESS,   AGREED_MESS, SAFE_MESS};
  static char body[largest_message], list[most_names][MAX_GROUP_NAME];
  service type = services[below(8)] | (below(10) == 0 ? SELF_DISCARD : 0);
  int result, i, count = 0, length = 4 + (below(20) ? below(100) : below(largest_message - 4));
  int16 kind = (int16)below(1000);
  memset(list, 0, sizeof list);
  counter++;
  memcpy(body, &counter, sizeof counter);
  for (i = 4; i < length; i++) body[i] = (char)(counter + i);
  if (below(8) == 0) {
    for (i = 0; i < member_count; i++) {
      if (below(2)) strcpy(list[count++], members[i]);
    }
  } else if (below(20) == 0) {
    strcpy(list[count], members[below(member_count)]);
    count = -1;
  }
  if (count >= 0) strcpy(list[count], group);
  begin("send");
  message(own, counter);
  payload(type, count < 0 ? 1 : count + 1, list, kind, body, length);
  end();
  if (count > 0) {
    result = FL_subgroupcast(mbox, type, group, count, list, kind, length, body);
  } else {
    result = FL_multicast(mbox, type, list[0], kind, length, body);
  }
  begin("sent");
  message(own, counter);
  number("rc", result);
  end();
  if (result < 0 && !(result == illegal_state && agreed)) lost(result);
}

static void join(void) {
  int result = FL_join(mbox, group);
  call("join", result);
  if (result < 0) lost(result);
  state = joining;
}

int main(int argc, char **argv) {
  int64_t next = 0, change = 0;
  int result, interval;
  if (argc != 8) return 2;
  interval = atoi(argv[7]);
  label = argv[2];
  group = argv[4];
  trace = fopen(argv[5], "w");
  if (trace == NULL) return 2;
  signal(SIGUSR1, on_signal);
  signal(SIGUSR2, on_signal);
  signal(SIGTERM, on_signal);
  srand((unsigned)label[0] * 256 + (unsigned)label[1]);
  is_calm = strcmp(argv[6], "leaves") != 0;
  result = FL_connect(argv[1], argv[2], 0, &mbox, own);
  if (result != ACCEPT_SESSION) {
    fprintf(stderr, "flush %s: connect gives %d\n", label, result);
    return 1;
  }
  begin("connect");
  field("daemon", argv[3]);
  field("private", own);
  fputs(",\"layer\":\"flush\"", trace);
  end();
  join();
  while (!is_over) {
    struct pollfd p;
    p.fd = mbox;
    p.events = POLLIN;
    poll(&p, 1, 2);
    take();
    if (due > 0 && now() >= due && state == inside) {
      due = 0;
      result = FL_flush(mbox, group);
      call("flush", result);
      if (result < 0) lost(result);
      agreed = 1;
    }
    /* Now and then also when it has to be refused. */
    if (state == inside && !is_quiet && now() >= next && (!agreed || below(20) == 0)) {
      send_one();
      next = now() + milliseconds(0, 2 * interval);
    }
    if (change == 0) change = now() + milliseconds(300, 1200);
    if (state == outside && (is_calm || now() >= change)) {
      join();
      change = 0;
    } else if (state == inside && !is_calm && now() >= change) {
      result = FL_leave(mbox, group);
      call("leave", result);
      if (result < 0) lost(result);
      state = leaving;
      due = 0;
      change = 0;
    }
  }
  fclose(trace);
  printf("complete\n");
  fflush(stdout);
  for (;;) pause();
}
