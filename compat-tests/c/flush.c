/* The Flush interface with a few members in one process: what each of them sees of joins, leaves, disconnects, messages
   sent before a view is installed everywhere, subgroups; return codes; buffers too short.

     flush ADDRESS [--stock]     --stock: without what stock's library does not do right (events-and-flush 2.4) */
#include <fl.h>
#include <poll.h>
#include <sys/socket.h>

#include "check.h"

#define ROOM 70000
#define NAMES 40

struct member {
  mailbox mbox;
  char name[MAX_GROUP_NAME];
  service type;
  char sender[MAX_GROUP_NAME];
  int num_groups;
  char groups[NAMES][MAX_GROUP_NAME];
  int16 mess_type;
  int endian;
  int more;
  int length;
  char body[ROOM];
};

static const char *address;
static char group[MAX_GROUP_NAME];
static struct member a, b, c;
static int counter, better;

static void connect_member(struct member *m, const char *letter) {
  char user[16];
  snprintf(user, sizeof user, "%s%05u", letter, (unsigned)(getpid() + counter++ * 7919) % 100000u);
  memset(m, 0, sizeof *m);
  CHECK_EQUAL(FL_connect(address, user, 0, &m->mbox, m->name), ACCEPT_SESSION);
}

static int receive(struct member *m, service flags) {
  m->type = flags;
  m->more = -1;
  m->length = FL_receive(m->mbox, &m->type, m->sender, NAMES, &m->num_groups, m->groups, &m->mess_type, &m->endian, ROOM,
                         m->body, &m->more);
  return m->length;
}

/* Internal messages (agreements and so on) are taken, none is for the application. */
static void expect_silence(struct member *m, int milliseconds) {
  struct pollfd p;
  p.fd = m->mbox;
  p.events = POLLIN;
  do {
    CHECK_EQUAL(receive(m, DONT_BLOCK), WOULD_BLOCK);
  } while (poll(&p, 1, milliseconds) == 1);
}

/* Agreements travel through the daemon: the others must take them before this one can go on. */
static void pump(struct member *m) { expect_silence(m, 100); }

static void expect_request(struct member *m) {
  CHECK_EQUAL(receive(m, 0), 0);
  CHECK_EQUAL(m->type, FLUSH_REQ_MESS);
  CHECK(Is_flush_req_mess(m->type));
  CHECK_TEXT(m->sender, group);
  CHECK_EQUAL(m->num_groups, 0);
  CHECK_EQUAL(m->mess_type, 0);
}

static void expect_transition(struct member *m) {
  CHECK_EQUAL(receive(m, 0), 0);
  CHECK_EQUAL(m->type, TRANSITION_MESS);
  CHECK_TEXT(m->sender, group);
  CHECK_EQUAL(m->num_groups, 0);
  CHECK_EQUAL(m->mess_type, 0);
}

static void expect_view(struct member *m, service cause, int members, const char *changed) {
  int count = -1;
  CHECK_EQUAL(receive(m, 0), 16 + MAX_GROUP_NAME);
  CHECK_EQUAL(m->type, REG_MEMB_MESS | cause);
  CHECK_TEXT(m->sender, group);
  CHECK_EQUAL(m->num_groups, members);
  CHECK_EQUAL(m->endian, 0);
  if (CHECK(m->mess_type >= 0 && m->mess_type < members)) CHECK_TEXT(m->groups[m->mess_type], m->name);
  memcpy(&count, m->body + FL_get_num_vs_offset_memb_mess(), sizeof count);
  CHECK_EQUAL(count, 1);
  CHECK_TEXT(m->body + FL_get_vs_set_offset_memb_mess(), changed);
}

static void expect_message(struct member *m, service type, const char *sender, int16 mess_type, const char *text) {
  CHECK_EQUAL(receive(m, 0), strlen(text));
  CHECK_EQUAL(m->type, type);
  CHECK_TEXT(m->sender, sender);
  CHECK_EQUAL(m->mess_type, mess_type);
  CHECK(m->length == (int)strlen(text) && memcmp(m->body, text, strlen(text)) == 0);
}

static int say(struct member *m, service type, int16 mess_type, const char *text) {
  return FL_multicast(m->mbox, type, group, mess_type, (int)strlen(text), text);
}

static void codes_without_group(void) {
  int major = 0, minor = -1, patch = -1, more;
  char text[] = "x";
  service type = 0;
  char sender[32], names[2][32];
  int count, endian;
  int16 kind;
  static scatter pieces;

  section("codes without a group");
  FL_version(&major, &minor, &patch);
  CHECK_EQUAL(major, 2);
  CHECK_EQUAL(minor, 0);
  CHECK_EQUAL(patch, 0);
  CHECK_EQUAL(FL_get_gid_offset_memb_mess(), 0);
  CHECK_EQUAL(FL_get_num_vs_offset_memb_mess(), 12);
  CHECK_EQUAL(FL_get_vs_set_offset_memb_mess(), 16);
  CHECK_EQUAL(FL_disconnect(900), ILLEGAL_SESSION);
  CHECK_EQUAL(FL_join(900, group), ILLEGAL_SESSION);
  CHECK_EQUAL(FL_multicast(900, FIFO_MESS, group, 0, 1, text), ILLEGAL_SESSION);
  CHECK_EQUAL(FL_more_msgs(900), ILLEGAL_SESSION);
  CHECK_EQUAL(FL_poll(900), ILLEGAL_SESSION);

  connect_member(&a, "a");
  CHECK_EQUAL(FL_more_msgs(a.mbox), 0);
  CHECK_EQUAL(FL_poll(a.mbox), 0);
  CHECK_EQUAL(receive(&a, DONT_BLOCK), WOULD_BLOCK);
  CHECK_EQUAL(FL_receive(a.mbox, &type, sender, -1, &count, names, &kind, &endian, 1, text, &more), ILLEGAL_PARAM);
  CHECK_EQUAL(FL_join(a.mbox, ""), ILLEGAL_GROUP);
  CHECK_EQUAL(FL_join(a.mbox, "#no#group"), ILLEGAL_GROUP);
  CHECK_EQUAL(FL_leave(a.mbox, group), ILLEGAL_GROUP);
  CHECK_EQUAL(FL_flush(a.mbox, group), ILLEGAL_GROUP);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS, group, 0, 1, text), ILLEGAL_GROUP);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS, group, 0, -1, text), ILLEGAL_GROUP);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS | REG_MEMB_MESS, group, 0, -1, text), ILLEGAL_SERVICE);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS | REG_MEMB_MESS, group, 0, 1, text), ILLEGAL_SERVICE);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS | FLUSH_REQ_MESS, group, 0, 1, text), ILLEGAL_SERVICE);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS, group, -32766, 1, text), ILLEGAL_MESSAGE_TYPE);
  CHECK_EQUAL(FL_subgroupcast(a.mbox, FIFO_MESS, group, -1, names, 0, 1, text), ILLEGAL_PARAM);
  pieces.num_elements = 100;
  CHECK_EQUAL(FL_scat_multicast(a.mbox, FIFO_MESS, group, 0, &pieces), ILLEGAL_MESSAGE);
}

static void alone(void) {
  section("alone in a group");
  CHECK_EQUAL(FL_join(a.mbox, group), 0);
  CHECK_EQUAL(FL_join(a.mbox, group), 0); /* nothing was heard of the first one */
  CHECK_EQUAL(FL_leave(a.mbox, group), ILLEGAL_GROUP);
  CHECK_EQUAL(say(&a, FIFO_MESS, 1, "too early"), ILLEGAL_GROUP);
  expect_view(&a, CAUSED_BY_JOIN, 1, a.name);
  CHECK_EQUAL(FL_join(a.mbox, group), ILLEGAL_GROUP);
  CHECK_EQUAL(FL_flush(a.mbox, group), ILLEGAL_STATE);
  CHECK_EQUAL(say(&a, 0, 1, "no service"), ILLEGAL_SERVICE);
  if (better) CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS, group, 1, -1, "x"), ILLEGAL_PARAM);
  CHECK_EQUAL(say(&a, FIFO_MESS, -32765, "first type"), 10);
  expect_message(&a, FIFO_MESS, a.name, -32765, "first type");
  CHECK_EQUAL(a.num_groups, 1);
  CHECK_TEXT(a.groups[0], group);
}

static void another_joins(void) {
  section("another joins");
  connect_member(&b, "b");
  CHECK_EQUAL(FL_join(b.mbox, group), 0);
  expect_request(&a);
  pump(&b); /* the joiner agrees by itself, but only when it receives */
  CHECK_EQUAL(say(&a, FIFO_MESS, 5, "in the old view"), 15);
  CHECK_EQUAL(say(&a, SAFE_MESS, 6, "also"), 4);
  CHECK_EQUAL(FL_flush(a.mbox, group), 0);
  CHECK_EQUAL(FL_flush(a.mbox, group), ILLEGAL_STATE);
  CHECK_EQUAL(say(&a, AGREED_MESS, 7, "between"), ILLEGAL_STATE);
}

static void old_view_first(void) {
  section("the old view ends first");
  expect_message(&a, FIFO_MESS, a.name, 5, "in the old view");
  expect_message(&a, SAFE_MESS, a.name, 6, "also");
  expect_view(&a, CAUSED_BY_JOIN, 2, b.name);
}

static void subgroups(void) {
  char names[3][MAX_GROUP_NAME] = {""};
  section("subgroups");
  strcpy(names[0], b.name);
  strcpy(names[1], "#nobody#here");
  CHECK_EQUAL(FL_subgroupcast(a.mbox, AGREED_MESS, group, 2, names, 3, 3, "two"), ILLEGAL_RECEIVERS);
  CHECK_EQUAL(FL_unicast(a.mbox, AGREED_MESS, group, "#nobody#here", 3, 3, "one"), ILLEGAL_RECEIVERS);
  strcpy(names[1], a.name);
  CHECK_EQUAL(FL_subgroupcast(a.mbox, AGREED_MESS, group, 2, names, 3, 3, "two"), 3);
  expect_message(&b, AGREED_MESS | SUBGROUP_CAST, a.name, 3, "two");
  CHECK(Is_subgroup_mess(b.type));
  CHECK_EQUAL(b.num_groups, 3);
  CHECK_TEXT(b.groups[0], b.name);
  CHECK_TEXT(b.groups[1], a.name);
  CHECK_TEXT(b.groups[2], group);
  expect_message(&a, AGREED_MESS | SUBGROUP_CAST, a.name, 3, "two");
  CHECK_EQUAL(FL_unicast(a.mbox, FIFO_MESS, group, b.name, 4, 6, "single"), 6);
  expect_message(&b, FIFO_MESS | SUBGROUP_CAST, a.name, 4, "single");
  CHECK_EQUAL(b.num_groups, 2);
  CHECK_TEXT(b.groups[1], group);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS, b.name, 8, 7, "private"), 7);
  expect_message(&b, FIFO_MESS, a.name, 8, "private");
  CHECK_TEXT(b.groups[0], b.name);
}

static void scatters(void) {
  static scatter out, in;
  char first[3], rest[80]; /* stock wants room for its decoration as well */
  int16 kind;
  int count, endian, more;
  char sender[MAX_GROUP_NAME], names[3][MAX_GROUP_NAME];
  service type = 0;
  section("scatters");
  out.num_elements = 2;
  out.elements[0].buf = (char *)"one ";
  out.elements[0].len = 4;
  out.elements[1].buf = (char *)"message";
  out.elements[1].len = 7;
  CHECK_EQUAL(FL_scat_unicast(a.mbox, FIFO_MESS, group, b.name, 9, &out), 11);
  in.num_elements = 2;
  in.elements[0].buf = first;
  in.elements[0].len = sizeof first;
  in.elements[1].buf = rest;
  in.elements[1].len = sizeof rest;
  memset(rest, 0, sizeof rest);
  CHECK_EQUAL(FL_scat_receive(b.mbox, &type, sender, 3, &count, names, &kind, &endian, &in, &more), 11);
  CHECK(memcmp(first, "one", 3) == 0);
  CHECK(memcmp(rest, " message", 8) == 0);
  if (better) CHECK_TEXT(rest, " message"); /* stock lets its decoration show behind */
  CHECK_EQUAL(count, 2);
}

static void big_messages(void) {
  static char data[60000];
  section("big messages");
  memset(data, 'x', sizeof data);
  CHECK_EQUAL(FL_multicast(a.mbox, FIFO_MESS, group, 1, sizeof data, data), sizeof data);
  CHECK_EQUAL(receive(&b, 0), sizeof data);
  CHECK(memcmp(b.body, data, sizeof data) == 0);
  CHECK_EQUAL(receive(&a, 0), sizeof data);
}

static int receive_short(struct member *m, service flags, int names, int bytes) {
  m->type = flags;
  return FL_receive(m->mbox, &m->type, m->sender, names, &m->num_groups, m->groups, &m->mess_type, &m->endian, bytes,
                    m->body, &m->more);
}

static void too_short(void) {
  section("too short");
  CHECK_EQUAL(say(&a, AGREED_MESS, 2, "0123456789"), 10);
  expect_message(&a, AGREED_MESS, a.name, 2, "0123456789");
  CHECK_EQUAL(receive_short(&b, 0, 5, 4), BUFFER_TOO_SHORT);
  CHECK_EQUAL(b.endian, -10);
  CHECK_EQUAL(receive_short(&b, 0, 5, 4), BUFFER_TOO_SHORT);
  CHECK_EQUAL(receive_short(&b, DROP_RECV, 5, 4), BUFFER_TOO_SHORT);
  CHECK(memcmp(b.body, "0123", 4) == 0);
  expect_silence(&b, 0);
  CHECK_EQUAL(FL_unicast(a.mbox, AGREED_MESS, group, b.name, 2, 2, "ab"), 2);
  CHECK_EQUAL(receive_short(&b, DROP_RECV, 1, 10), GROUPS_TOO_SHORT);
  CHECK_EQUAL(b.num_groups, -2);
  expect_silence(&b, 0);
}

static void third_vulnerable(void) {
  section("messages before a view is installed everywhere");
  connect_member(&c, "c");
  CHECK_EQUAL(FL_join(c.mbox, group), 0);
  expect_request(&a);
  expect_request(&b);
  pump(&c);
  CHECK_EQUAL(say(&b, FIFO_MESS, 11, "vulnerable in two"), 17);
  CHECK_EQUAL(FL_flush(b.mbox, group), 0);
  expect_message(&a, FIFO_MESS, b.name, 11, "vulnerable in two");
  CHECK_EQUAL(FL_flush(a.mbox, group), 0);
  expect_message(&b, FIFO_MESS, b.name, 11, "vulnerable in two");
  expect_view(&b, CAUSED_BY_JOIN, 3, c.name);
  CHECK_EQUAL(say(&b, RELIABLE_MESS, 12, "vulnerable in three"), 19);
  expect_view(&a, CAUSED_BY_JOIN, 3, c.name);
  expect_message(&a, RELIABLE_MESS, b.name, 12, "vulnerable in three");
  expect_view(&c, CAUSED_BY_JOIN, 3, c.name);
  expect_message(&c, RELIABLE_MESS, b.name, 12, "vulnerable in three");
  expect_message(&b, RELIABLE_MESS, b.name, 12, "vulnerable in three");
}

static void leaves_and_ends(void) {
  section("one leaves");
  CHECK_EQUAL(FL_leave(c.mbox, group), 0);
  CHECK_EQUAL(FL_leave(c.mbox, group), ILLEGAL_GROUP);
  CHECK_EQUAL(receive(&c, 0), 0);
  CHECK_EQUAL(c.type, CAUSED_BY_LEAVE);
  CHECK_TEXT(c.sender, group);
  CHECK_EQUAL(c.mess_type, -1);
  CHECK_EQUAL(c.num_groups, 0);
  expect_request(&a);
  CHECK_EQUAL(a.more, 1);
  CHECK_EQUAL(FL_more_msgs(a.mbox), 1);
  CHECK(FL_poll(a.mbox) >= 88);
  expect_transition(&a);
  CHECK_EQUAL(a.more, 0);
  expect_request(&b);
  expect_transition(&b);
  /* still a member of the view that is installed, so a legal receiver */
  CHECK_EQUAL(FL_unicast(a.mbox, AGREED_MESS, group, c.name, 1, 1, "x"), 1);
  CHECK_EQUAL(FL_flush(a.mbox, group), 0);
  CHECK_EQUAL(FL_flush(b.mbox, group), 0);
  expect_view(&a, CAUSED_BY_LEAVE, 2, c.name);
  expect_view(&b, CAUSED_BY_LEAVE, 2, c.name);
  CHECK_EQUAL(FL_disconnect(c.mbox), 0);
  CHECK_EQUAL(FL_disconnect(c.mbox), ILLEGAL_SESSION);

  section("one disconnects");
  CHECK_EQUAL(FL_disconnect(b.mbox), 0);
  expect_request(&a);
  expect_transition(&a);
  CHECK_EQUAL(FL_flush(a.mbox, group), 0);
  expect_view(&a, CAUSED_BY_DISCONNECT, 1, b.name);
}

/* Two changes while the application owes its agreement: the first can never be installed. */
static void collapse(void) {
  section("a joiner gone before the others agreed");
  connect_member(&b, "b");
  CHECK_EQUAL(FL_join(b.mbox, group), 0);
  expect_request(&a);
  CHECK_EQUAL(FL_disconnect(b.mbox), 0); /* it never received, so it never agreed */
  expect_silence(&a, 200);
  CHECK_EQUAL(FL_flush(a.mbox, group), 0);
  CHECK_EQUAL(receive(&a, 0), 16 + MAX_GROUP_NAME);
  CHECK_EQUAL(a.type, REG_MEMB_MESS | CAUSED_BY_NETWORK);
  CHECK_EQUAL(a.num_groups, 1);
  CHECK_TEXT(a.body + FL_get_vs_set_offset_memb_mess(), a.name);
}

/* Stock answers BUFFER_TOO_SHORT where only its decoration does not fit. */
static void exact_room(void) {
  section("room for the user's bytes only");
  CHECK_EQUAL(FL_unicast(a.mbox, AGREED_MESS, group, b.name, 2, 5, "exact"), 5);
  CHECK_EQUAL(receive_short(&b, 0, 2, 5), 5);
  CHECK_EQUAL(b.num_groups, 2);
}

static void lost_connection(void) {
  section("a lost connection");
  CHECK_EQUAL(shutdown(a.mbox, SHUT_RDWR), 0);
  CHECK_EQUAL(receive(&a, DONT_BLOCK), CONNECTION_CLOSED);
  CHECK_EQUAL(receive(&a, DONT_BLOCK), ILLEGAL_SESSION);
  CHECK_EQUAL(FL_poll(a.mbox), ILLEGAL_SESSION);
}

int main(int argc, char **argv) {
  better = argc < 3;
  if (argc < 2) return 64;
  address = argv[1];
  check_start(60);
  snprintf(group, sizeof group, "flush-%u", (unsigned)getpid());
  CHECK_EQUAL(FL_lib_init(), 0);
  CHECK_EQUAL(FL_lib_init(), ILLEGAL_STATE);
  codes_without_group();
  alone();
  another_joins();
  old_view_first();
  section("the joiner's view");
  expect_view(&b, CAUSED_BY_JOIN, 2, b.name);
  subgroups();
  scatters();
  big_messages();
  too_short();
  if (better) exact_room();
  third_vulnerable();
  leaves_and_ends();
  collapse();
  if (better) lost_connection();
  return check_end();
}
