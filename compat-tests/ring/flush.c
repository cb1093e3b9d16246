/* A member of a Flush group under traffic, for flush.py: sends while it may, agrees to every view a little late, and
   writes down what it saw.

     flush ADDRESS NAME GROUP           until SIGTERM, and half a second longer without sending

   Each message carries the view it was sent in. Lines:
     view ID CAUSE MEMBER... / SET...    sent N    got SENDER:N SENT-IN    request    flushed    signal    end CODE */
#include <fl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAMES 50

static mailbox mbox;
static const char *group;
static char view[64] = "none";
static int counter;
/* When the agreement that is owed goes out; 0: none is owed. */
static long long due;
static int agreed = 1;
static volatile sig_atomic_t ends;

static void ask_to_end(int number) { ends = number; }

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void end(int code) {
  printf("end %d\n", code);
  exit(code < 0);
}

static void got_view(service type, int count, char names[][MAX_GROUP_NAME], const char *body) {
  int id[3], set, i;
  memcpy(id, body + FL_get_gid_offset_memb_mess(), sizeof id);
  memcpy(&set, body + FL_get_num_vs_offset_memb_mess(), sizeof set);
  snprintf(view, sizeof view, "%d.%d.%d", id[0], id[1], id[2]);
  printf("view %s %s", view, Is_caused_network_mess(type) ? "network" : Is_caused_join_mess(type) ? "join" : "leave");
  for (i = 0; i < count; i++) printf(" %s", names[i]);
  printf(" /");
  for (i = 0; i < set; i++) printf(" %s", body + FL_get_vs_set_offset_memb_mess() + i * MAX_GROUP_NAME);
  printf("\n");
  agreed = 0;
  due = 0;
}

static void take(void) {
  static char names[NAMES][MAX_GROUP_NAME], body[20000];
  char sender[MAX_GROUP_NAME];
  int count, endian, more, length;
  int16 kind;
  do {
    service type = DONT_BLOCK;
    length = FL_receive(mbox, &type, sender, NAMES, &count, names, &kind, &endian, sizeof body, body, &more);
    if (length == WOULD_BLOCK) return;
    if (length < 0) end(length);
    if (Is_flush_req_mess(type)) {
      printf("request\n");
      due = now() + rand() % 30 + 1;
    } else if (Is_regular_mess(type)) {
      printf("got %s:%d %.*s\n", sender, kind, length, body);
    } else if (Is_transition_mess(type)) {
      printf("signal\n");
    } else if (Is_reg_memb_mess(type)) {
      got_view(type, count, names, body);
    }
  } while (more > 0);
}

int main(int argc, char **argv) {
  static const service services[] = {FIFO_MESS, AGREED_MESS, SAFE_MESS, CAUSAL_MESS};
  char name[MAX_GROUP_NAME];
  long long stop = 0, next = 0;
  int result;
  if (argc != 4) return 2;
  group = argv[3];
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGTERM, ask_to_end);
  srand((unsigned)argv[2][0] * 256 + (unsigned)argv[2][1]);
  result = FL_connect(argv[1], argv[2], 0, &mbox, name);
  if (result != ACCEPT_SESSION) end(result);
  result = FL_join(mbox, group);
  if (result < 0) end(result);
  while (stop == 0 || now() < stop) {
    struct pollfd p;
    p.fd = mbox;
    p.events = POLLIN;
    poll(&p, 1, 2);
    if (ends && stop == 0) stop = now() + 500;
    take();
    if (due > 0 && now() >= due) {
      result = FL_flush(mbox, group);
      if (result < 0) end(result);
      printf("flushed\n");
      due = 0;
      agreed = 1;
    }
    if (!agreed && now() >= next && stop == 0) {
      result = FL_multicast(mbox, services[counter % 4], group, (int16)(counter + 1), (int)strlen(view), view);
      if (result < 0) end(result);
      printf("sent %d\n", ++counter);
      next = now() + rand() % 6;
    }
  }
  end(0);
  return 0;
}
