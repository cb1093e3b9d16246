/* Two clients in one process walk through everything a typical application does with the library.
   usage: session ADDRESS */
#include <sys/select.h>

#include "client.h"

static struct client a, b;
static char name_a[16], name_b[16], group[MAX_GROUP_NAME], group2[MAX_GROUP_NAME];
static const char *address;

static void test_version(void) {
  int major = 0, minor = 0, patch = 0, code;
  section("version and error texts");
  CHECK_EQUAL(SP_version(&major, &minor, &patch), 1);
  CHECK_EQUAL(major, 5);
  CHECK_EQUAL(minor, 0);
  CHECK_EQUAL(patch, 1);
  CHECK_EQUAL(SP_version(NULL, &minor, &patch), 0);
  for (code = -20; code <= -1; code++) CHECK(SP_strerror(code) != NULL && SP_strerror(code)[0] != '\0');
}

static void test_refused_connects(void) {
  static const char *const unusable[] = {"localhost", "4803localhost", "@localhost", " _._._42", "4803@"};
  mailbox mbox = -7;
  char private_group[MAX_GROUP_NAME] = "untouched";
  sp_time limit = {5, 0}, bad = {1, -1};
  size_t i;
  section("refused connects");
  for (i = 0; i < sizeof unusable / sizeof *unusable; i++)
    CHECK_EQUAL(SP_connect(unusable[i], "x", 0, 1, &mbox, private_group), ILLEGAL_SPREAD);
  CHECK_EQUAL(SP_connect_timeout("1@127.0.0.1", "x", 0, 1, &mbox, private_group, limit), COULD_NOT_CONNECT);
  CHECK_EQUAL(SP_connect("1", "x", 0, 1, &mbox, private_group), COULD_NOT_CONNECT);
  CHECK_EQUAL(SP_connect(address, "has#mark", 0, 1, &mbox, private_group), REJECT_ILLEGAL_NAME);
  CHECK_EQUAL(SP_connect(address, "has blank", 0, 1, &mbox, private_group), REJECT_ILLEGAL_NAME);
  CHECK_EQUAL(SP_connect_timeout(address, "x", 0, 1, &mbox, private_group, bad), ILLEGAL_TIME);
  CHECK_EQUAL(mbox, -7);
  CHECK_TEXT(private_group, "untouched");
}

static void test_connect(void) {
  char start[MAX_GROUP_NAME];
  mailbox mbox;
  char private_group[MAX_GROUP_NAME];
  section("connect");
  CHECK_EQUAL(client_connect(&a, address, name_a, 1), ACCEPT_SESSION);
  CHECK_EQUAL(client_connect(&b, address, name_b, 1), ACCEPT_SESSION);
  CHECK(a.mbox > 2 && b.mbox > 2 && a.mbox != b.mbox);
  snprintf(start, sizeof start, "#%s#", name_a);
  CHECK(strncmp(a.private_group, start, strlen(start)) == 0 && strlen(a.private_group) > strlen(start));
  CHECK_EQUAL(SP_connect(address, name_a, 0, 1, &mbox, private_group), REJECT_NOT_UNIQUE);

  CHECK_EQUAL(SP_connect(address, NULL, 0, 1, &mbox, private_group), ACCEPT_SESSION);
  CHECK(strncmp(private_group, "#r", 2) == 0);
  SP_kill(mbox);
  CHECK_EQUAL(SP_poll(mbox), ILLEGAL_SESSION);
}

static void test_join(void) {
  membership_info at_a, at_b;
  section("join");
  CHECK_EQUAL(SP_join(a.mbox, group), 0);
  expect_membership(&a, group, CAUSED_BY_JOIN, 1, a.private_group);
  CHECK_EQUAL(SP_join(b.mbox, group), 0);
  expect_membership(&a, group, CAUSED_BY_JOIN, 2, b.private_group);
  expect_membership(&b, group, CAUSED_BY_JOIN, 2, b.private_group);
  CHECK(memcmp(a.groups, b.groups, 2 * MAX_GROUP_NAME) == 0);
  SP_get_memb_info(a.body, a.type, &at_a);
  SP_get_memb_info(b.body, b.type, &at_b);
  CHECK_EQUAL(SP_equal_group_ids(at_a.gid, at_b.gid), 1);
  at_b.gid.id[2]++;
  CHECK_EQUAL(SP_equal_group_ids(at_a.gid, at_b.gid), 0);
  CHECK_EQUAL(SP_get_memb_info(a.body, SAFE_MESS, &at_a), ILLEGAL_MESSAGE);
}

static void test_services(void) {
  static const service services[] = {UNRELIABLE_MESS, RELIABLE_MESS, FIFO_MESS, CAUSAL_MESS, AGREED_MESS, SAFE_MESS};
  static const int types[] = {0, 1, -1, 32767, -32768, 77};
  size_t i;
  section("services");
  for (i = 0; i < 6; i++) {
    CHECK_EQUAL(SP_multicast(a.mbox, services[i], group, (int16)types[i], 5, "hello"), 5);
    expect_regular(&a, services[i], a.private_group, types[i], "hello", 5);
    expect_regular(&b, services[i], a.private_group, types[i], "hello", 5);
    CHECK_EQUAL(b.num_groups, 1);
    CHECK_TEXT(b.groups[0], group);
  }
  CHECK(Is_safe_mess(b.type) && !Is_agreed_mess(b.type) && !Is_reject_mess(b.type));
  CHECK_EQUAL(SP_multicast(a.mbox, SAFE_MESS, group, 3, 0, ""), 0);
  expect_regular(&a, SAFE_MESS, a.private_group, 3, "", 0);
  expect_regular(&b, SAFE_MESS, a.private_group, 3, "", 0);
}

static void test_self_discard(void) {
  section("self discard");
  CHECK_EQUAL(SP_multicast(a.mbox, AGREED_MESS | SELF_DISCARD, group, 1, 4, "quiet"), 4);
  expect_regular(&b, AGREED_MESS | SELF_DISCARD, a.private_group, 1, "quie", 4);
  CHECK(Is_self_discard(b.type));
  /* what a receives next is the next message, not its own */
  CHECK_EQUAL(SP_multicast(b.mbox, AGREED_MESS, group, 2, 5, "after"), 5);
  expect_regular(&b, AGREED_MESS, b.private_group, 2, "after", 5);
  expect_regular(&a, AGREED_MESS, b.private_group, 2, "after", 5);
}

static void test_multigroup(void) {
  char groups[3][MAX_GROUP_NAME];
  section("several groups");
  CHECK_EQUAL(SP_join(a.mbox, group2), 0);
  expect_membership(&a, group2, CAUSED_BY_JOIN, 1, a.private_group);
  memset(groups, 0, sizeof groups);
  strcpy(groups[0], group);
  strcpy(groups[1], "nobody-is-here");
  strcpy(groups[2], group2);
  CHECK_EQUAL(SP_multigroup_multicast(b.mbox, CAUSAL_MESS, 3, (const char(*)[MAX_GROUP_NAME])groups, 9, 3, "all"), 3);
  expect_regular(&a, CAUSAL_MESS, b.private_group, 9, "all", 3);
  CHECK_EQUAL(a.num_groups, 3);
  CHECK(memcmp(a.groups, groups, sizeof groups) == 0);
  expect_regular(&b, CAUSAL_MESS, b.private_group, 9, "all", 3);
  CHECK_EQUAL(b.num_groups, 3);
  /* a is in both groups, yet gets one copy */
  CHECK_EQUAL(SP_multicast(b.mbox, AGREED_MESS, group2, 10, 3, "one"), 3);
  expect_regular(&a, AGREED_MESS, b.private_group, 10, "one", 3);
  /* b is not in group2: sending was allowed, nothing comes back */
  CHECK_EQUAL(SP_multicast(b.mbox, AGREED_MESS, b.private_group, 11, 3, "end"), 3);
  expect_regular(&b, AGREED_MESS, b.private_group, 11, "end", 3);
  CHECK_EQUAL(SP_leave(a.mbox, group2), 0);
  CHECK_EQUAL(client_receive(&a), 0);
  CHECK(Is_self_leave(a.type));
  CHECK_TEXT(a.sender, group2);
}

static void test_private(void) {
  section("private messages");
  CHECK_EQUAL(SP_multicast(a.mbox, FIFO_MESS, b.private_group, 21, 6, "secret"), 6);
  expect_regular(&b, FIFO_MESS, a.private_group, 21, "secret", 6);
  CHECK_EQUAL(b.num_groups, 1);
  CHECK_TEXT(b.groups[0], b.private_group);
  CHECK_EQUAL(SP_multicast(b.mbox, FIFO_MESS, b.sender, 22, 5, "reply"), 5);
  expect_regular(&a, FIFO_MESS, b.private_group, 22, "reply", 5);
}

static void test_scatter(void) {
  static scatter out, in;
  char groups[2][MAX_GROUP_NAME];
  char first[4], second[100];
  service type = 0;
  char sender[MAX_GROUP_NAME], got[GROUP_ROOM][MAX_GROUP_NAME];
  int count = 0, endian = 0;
  int16 mess_type = 0;
  section("scatter");
  out.num_elements = 3;
  out.elements[0].buf = (char *)"abc";
  out.elements[0].len = 3;
  out.elements[1].buf = (char *)"";
  out.elements[1].len = 0;
  out.elements[2].buf = (char *)"defghij";
  out.elements[2].len = 7;
  in.num_elements = 2;
  in.elements[0].buf = first;
  in.elements[0].len = sizeof first;
  in.elements[1].buf = second;
  in.elements[1].len = sizeof second;
  CHECK_EQUAL(SP_scat_multicast(a.mbox, AGREED_MESS, group, 31, &out), 10);
  expect_regular(&b, AGREED_MESS, a.private_group, 31, "abcdefghij", 10);
  CHECK_EQUAL(
      SP_scat_receive(a.mbox, &type, sender, GROUP_ROOM, &count, got, &mess_type, &endian, &in), 10);
  CHECK_EQUAL(type, AGREED_MESS);
  CHECK_EQUAL(mess_type, 31);
  CHECK(memcmp(first, "abcd", 4) == 0 && memcmp(second, "efghij", 6) == 0);
  CHECK_EQUAL(in.elements[0].len, sizeof first);
  CHECK_EQUAL(in.elements[1].len, sizeof second);

  memset(groups, 0, sizeof groups);
  strcpy(groups[0], group);
  strcpy(groups[1], group2);
  CHECK_EQUAL(SP_multigroup_scat_multicast(b.mbox, SAFE_MESS, 2, (const char(*)[MAX_GROUP_NAME])groups, 32, &out), 10);
  expect_regular(&a, SAFE_MESS, b.private_group, 32, "abcdefghij", 10);
  expect_regular(&b, SAFE_MESS, b.private_group, 32, "abcdefghij", 10);
  CHECK_EQUAL(a.num_groups, 2);
}

/* Programs that receive into a scatter keep the parts of a membership message in one element: the reference library
   mistakes values behind an element's end. */
static void test_scatter_membership(void) {
  static scatter in;
  char parts[2][256], sender[MAX_GROUP_NAME], got[GROUP_ROOM][MAX_GROUP_NAME], names[4][MAX_GROUP_NAME];
  service type = 0;
  int count = 0, endian = 0;
  int16 mess_type = 0;
  unsigned int mine = 9;
  membership_info info;
  vs_set_info sets[2];
  section("membership in a scatter");
  CHECK_EQUAL(SP_join(a.mbox, group2), 0);
  in.num_elements = 2;
  in.elements[0].buf = parts[0];
  in.elements[0].len = sizeof parts[0];
  in.elements[1].buf = parts[1];
  in.elements[1].len = sizeof parts[1];
  CHECK_EQUAL(SP_scat_receive(a.mbox, &type, sender, GROUP_ROOM, &count, got, &mess_type, &endian, &in), 56);
  CHECK_EQUAL(type, REG_MEMB_MESS | CAUSED_BY_JOIN);
  CHECK_EQUAL(SP_scat_get_memb_info(&in, type, &info), 1);
  CHECK_TEXT(info.changed_member, a.private_group);
  CHECK_EQUAL(SP_scat_get_vs_sets_info(&in, sets, 2, &mine), 1);
  CHECK_EQUAL(mine, 0);
  CHECK_EQUAL(SP_scat_get_vs_set_members(&in, &sets[0], names, 4), 1);
  CHECK_TEXT(names[0], a.private_group);
  CHECK_EQUAL(SP_leave(a.mbox, group2), 0);
  CHECK_EQUAL(client_receive(&a), 0);
  CHECK_EQUAL(a.type, CAUSED_BY_LEAVE);
}

static void test_short_buffers(void) {
  char groups[3][MAX_GROUP_NAME], one[1][MAX_GROUP_NAME], sender[MAX_GROUP_NAME], small[4];
  service type;
  int count, endian, i;
  int16 mess_type;
  section("too small buffers");
  memset(groups, 0, sizeof groups);
  strcpy(groups[0], group);
  strcpy(groups[1], "second");
  strcpy(groups[2], "third");
  for (i = 0; i < 2; i++)
    CHECK_EQUAL(
        SP_multigroup_multicast(a.mbox, AGREED_MESS, 3, (const char(*)[MAX_GROUP_NAME])groups, 41, 10, "0123456789"),
        10);
  /* without DROP_RECV the message stays, and the call may be repeated */
  for (i = 0; i < 2; i++) {
    type = 0;
    CHECK_EQUAL(SP_receive(b.mbox, &type, sender, 1, &count, one, &mess_type, &endian, 4, small), GROUPS_TOO_SHORT);
    CHECK_EQUAL(count, -3);
    CHECK_EQUAL(endian, -10);
    CHECK_EQUAL(type, AGREED_MESS);
    CHECK_TEXT(sender, a.private_group);
  }
  type = 0;
  CHECK_EQUAL(SP_receive(b.mbox, &type, sender, GROUP_ROOM, &count, b.groups, &mess_type, &endian, 4, small),
              BUFFER_TOO_SHORT);
  CHECK_EQUAL(count, 0);
  CHECK_EQUAL(endian, -10);
  expect_regular(&b, AGREED_MESS, a.private_group, 41, "0123456789", 10);
  CHECK_EQUAL(b.num_groups, 3);
  /* with it the message is cut and gone */
  type = DROP_RECV;
  CHECK_EQUAL(SP_receive(b.mbox, &type, sender, 1, &count, one, &mess_type, &endian, 4, small), BUFFER_TOO_SHORT);
  CHECK_EQUAL(count, -3);
  CHECK_EQUAL(type, AGREED_MESS);
  CHECK_EQUAL(mess_type, 41);
  CHECK_TEXT(one[0], group);
  CHECK(memcmp(small, "0123", 4) == 0);
  CHECK_EQUAL(SP_poll(b.mbox), 0);
  expect_regular(&a, AGREED_MESS, a.private_group, 41, "0123456789", 10);
  expect_regular(&a, AGREED_MESS, a.private_group, 41, "0123456789", 10);
}

static void test_waiting(void) {
  fd_set readable;
  struct timeval limit;
  section("poll and select");
  CHECK_EQUAL(SP_poll(a.mbox), 0);
  FD_ZERO(&readable);
  FD_SET(a.mbox, &readable);
  limit.tv_sec = 0;
  limit.tv_usec = 50000;
  CHECK_EQUAL(select(a.mbox + 1, &readable, NULL, NULL, &limit), 0);
  CHECK_EQUAL(SP_multicast(b.mbox, FIFO_MESS, a.private_group, 51, 10, "wake me up"), 10);
  FD_ZERO(&readable);
  FD_SET(a.mbox, &readable);
  limit.tv_sec = 10;
  limit.tv_usec = 0;
  CHECK_EQUAL(select(a.mbox + 1, &readable, NULL, NULL, &limit), 1);
  CHECK(FD_ISSET(a.mbox, &readable));
  CHECK(SP_poll(a.mbox) > 0);
  expect_regular(&a, FIFO_MESS, b.private_group, 51, "wake me up", 10);
  CHECK_EQUAL(SP_poll(a.mbox), 0);
}

static void test_large(void) {
  static char big[100000];
  size_t i;
  section("large message");
  for (i = 0; i < sizeof big; i++) big[i] = (char)(i * 7 + i / 251);
  CHECK_EQUAL(SP_multicast(a.mbox, SAFE_MESS | SELF_DISCARD, group, 61, (int)sizeof big, big), (int)sizeof big);
  expect_regular(&b, SAFE_MESS | SELF_DISCARD, a.private_group, 61, big, (int)sizeof big);
}

static void test_one_order(void) {
  enum { EACH = 100 };
  static char order[2][2 * EACH][16];
  struct client *const both[2] = {&a, &b};
  int i, side;
  section("one order for two senders");
  for (i = 0; i < EACH; i++) {
    char body[16];
    for (side = 0; side < 2; side++) {
      int length = snprintf(body, sizeof body, "%c%d", 'a' + side, i);
      CHECK_EQUAL(SP_multicast(both[side]->mbox, AGREED_MESS, group, 0, length, body), length);
    }
  }
  for (side = 0; side < 2; side++) {
    int next[2] = {0, 0};
    for (i = 0; i < 2 * EACH; i++) {
      int who, number;
      if (!CHECK(client_receive(both[side]) > 0)) return;
      both[side]->body[both[side]->length] = '\0';
      strncpy(order[side][i], both[side]->body, sizeof order[side][i] - 1);
      who = both[side]->body[0] - 'a';
      number = atoi(both[side]->body + 1);
      if (CHECK(who == 0 || who == 1)) CHECK_EQUAL(number, next[who]++);
    }
  }
  CHECK(memcmp(order[0], order[1], sizeof order[0]) == 0);
}

static void test_refused_calls(void) {
  static char huge[150000];
  section("refused calls");
  CHECK_EQUAL(SP_join(a.mbox, ""), ILLEGAL_GROUP);
  CHECK_EQUAL(SP_join(a.mbox, "#x"), ILLEGAL_GROUP);
  CHECK_EQUAL(SP_join(a.mbox, "two words"), ILLEGAL_GROUP);
  CHECK_EQUAL(SP_join(a.mbox, "abcdefghijklmnopqrstuvwxyz123456"), ILLEGAL_GROUP);
  CHECK_EQUAL(SP_leave(a.mbox, a.private_group), ILLEGAL_GROUP);
  CHECK_EQUAL(SP_multicast(a.mbox, 0, group, 0, 1, "x"), ILLEGAL_SERVICE);
  CHECK_EQUAL(SP_multicast(a.mbox, SELF_DISCARD, group, 0, 1, "x"), ILLEGAL_SERVICE);
  CHECK_EQUAL(SP_multicast(a.mbox, SAFE_MESS, group, 0, (int)sizeof huge, huge), MESSAGE_TOO_LONG);
  CHECK_EQUAL(SP_join(900, group), ILLEGAL_SESSION);
  CHECK_EQUAL(SP_multicast(900, SAFE_MESS, group, 0, 1, "x"), ILLEGAL_SESSION);
  CHECK_EQUAL(SP_poll(900), ILLEGAL_SESSION);
  CHECK_EQUAL(SP_disconnect(900), ILLEGAL_SESSION);
}

static void test_without_membership(void) {
  static struct client c;
  char name[16];
  section("session without membership messages");
  unique_name(name, sizeof name, "cn");
  CHECK_EQUAL(client_connect(&c, address, name, 0), ACCEPT_SESSION);
  CHECK_EQUAL(SP_join(c.mbox, group), 0);
  expect_membership(&a, group, CAUSED_BY_JOIN, 3, c.private_group);
  expect_membership(&b, group, CAUSED_BY_JOIN, 3, c.private_group);
  CHECK_EQUAL(SP_multicast(a.mbox, AGREED_MESS | SELF_DISCARD, group, 71, 4, "data"), 4);
  expect_regular(&c, AGREED_MESS | SELF_DISCARD, a.private_group, 71, "data", 4);
  expect_regular(&b, AGREED_MESS | SELF_DISCARD, a.private_group, 71, "data", 4);
  SP_kill(c.mbox); /* says nothing to the daemon: seen as a disconnect all the same */
  expect_membership(&a, group, CAUSED_BY_DISCONNECT, 2, c.private_group);
  expect_membership(&b, group, CAUSED_BY_DISCONNECT, 2, c.private_group);
}

static void test_leave_and_disconnect(void) {
  section("leave and disconnect");
  CHECK_EQUAL(SP_leave(b.mbox, group), 0);
  expect_membership(&a, group, CAUSED_BY_LEAVE, 1, b.private_group);
  CHECK_EQUAL(client_receive(&b), 0);
  CHECK_EQUAL(b.type, CAUSED_BY_LEAVE);
  CHECK(Is_self_leave(b.type));
  CHECK_TEXT(b.sender, group);
  CHECK_EQUAL(b.num_groups, 0);
  CHECK_EQUAL(SP_leave(b.mbox, group), 0); /* a second leave is silent */
  CHECK_EQUAL(SP_join(b.mbox, group), 0);
  expect_membership(&b, group, CAUSED_BY_JOIN, 2, b.private_group);
  expect_membership(&a, group, CAUSED_BY_JOIN, 2, b.private_group);
  CHECK_EQUAL(SP_disconnect(b.mbox), 0);
  expect_membership(&a, group, CAUSED_BY_DISCONNECT, 1, b.private_group);
  CHECK_EQUAL(SP_disconnect(b.mbox), ILLEGAL_SESSION);
  CHECK_EQUAL(client_receive(&b), ILLEGAL_SESSION);
  CHECK_EQUAL(client_readable(&a, 50), 0);
  CHECK_EQUAL(SP_disconnect(a.mbox), 0);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: session ADDRESS\n");
    return 64;
  }
  address = argv[1];
  check_start(60);
  unique_name(name_a, sizeof name_a, "ca");
  unique_name(name_b, sizeof name_b, "cb");
  unique_name(group, sizeof group, "c-session-");
  unique_name(group2, sizeof group2, "c-other-");
  test_version();
  test_refused_connects();
  test_connect();
  if (check_failed == 0) {
    test_join();
    test_services();
    test_self_discard();
    test_multigroup();
    test_private();
    test_scatter();
    test_scatter_membership();
    test_short_buffers();
    test_waiting();
    test_large();
    test_one_order();
    test_refused_calls();
    test_without_membership();
    test_leave_and_disconnect();
  }
  return check_end();
}
