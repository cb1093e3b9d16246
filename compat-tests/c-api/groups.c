/* Rows D (join and leave), E (membership) and F (multicast and receive). */

#include "cases.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define NAME31 "abcdefghijklmnopqrstuvwxyz12345"

void cases_d(void) {
  mailbox m = user("alice", 1, NULL);
  int result;
  row("D01", (result = SP_join(m, "")) == ILLEGAL_GROUP, "%d", result);
  row("D02", (result = SP_join(m, NAME31 "6")) == ILLEGAL_GROUP, "%d", result);
  row("D03", (result = SP_join(m, "a#b")) == ILLEGAL_GROUP, "%d", result);
  row("D04", (result = SP_join(m, "#x#y")) == ILLEGAL_GROUP, "%d", result);
  row("D05", (result = SP_join(m, "a b")) == ILLEGAL_GROUP, "%d", result);
  row("D06", (result = SP_join(m, "a\x7f")) == ILLEGAL_GROUP, "%d", result);
  row("D07", (result = SP_join(m, "gr\xc3\xbc\xc3\x9f")) == ILLEGAL_GROUP, "%d", result);
  row("D08", (result = SP_leave(m, "")) == ILLEGAL_GROUP, "%d", result);
  row("D09", (result = SP_leave(m, NAME31 "6")) == ILLEGAL_GROUP, "%d", result);
  row("D10", (result = SP_leave(m, "a#b")) == ILLEGAL_GROUP, "%d", result);
  row("D11", (result = SP_leave(m, fresh_group())) == 0 && quiet(m, 400), "%d, or something came", result);
  row("D12", (result = SP_join(m, NAME31)) == 0, "%d", result);
  rx(m, 0, 100, 4000);
  row("D13", R.type == 0x1100, "type 0x%x", (unsigned)R.type);
  row("D14", strcmp(R.sender, NAME31) == 0, "sender %.32s", R.sender);
  row("D15", (result = SP_leave(m, NAME31)) == 0, "%d", result);
  rx(m, 0, 100, 4000);
  row("D16", R.type == 0x200, "type 0x%x", (unsigned)R.type);
  row("D17", (result = SP_join(m, "$~")) == 0, "%d", result);
  rx(m, 0, 100, 4000);
  row("D18", R.type == 0x1100 && strcmp(R.sender, "$~") == 0, "type 0x%x", (unsigned)R.type);
  gone(m);
}

/* ---- E ---- */

static mailbox m, m2;
static char alice[MAX_GROUP_NAME], bob[MAX_GROUP_NAME];
static const char *g;

static void e_reading(void) {
  membership_info info;
  vs_set_info sets[10];
  char names[10][MAX_GROUP_NAME];
  unsigned mine = 77;
  int result;
  memset(&info, FILL, sizeof info);
  row("E09", (result = SP_get_memb_info(R.body, R.type, &info)) == 1, "%d", result);
  row("E10", strcmp(info.changed_member, alice) == 0, "%.32s", info.changed_member);
  row("E11", info.num_vs_sets == 1, "%u sets", info.num_vs_sets);
  row("E12", info.my_vs_set.num_members == 1, "%u members", info.my_vs_set.num_members);
  row("E13", info.my_vs_set.members_offset == 24, "offset %u", info.my_vs_set.members_offset);
  row("E14", (result = SP_get_vs_sets_info(R.body, sets, 10, &mine)) == 1, "%d", result);
  row("E15", mine == 0, "index %u", mine);
  row("E16", sets[0].num_members == 1 && sets[0].members_offset == 24, "%u, %u", sets[0].num_members,
      sets[0].members_offset);
  row("E17", (result = SP_get_vs_set_members(R.body, &sets[0], names, 10)) == 1, "%d", result);
  row("E18", strcmp(names[0], alice) == 0, "%.32s", names[0]);
  row("E19", (result = SP_get_vs_sets_info(R.body, sets, 0, &mine)) == BUFFER_TOO_SHORT, "%d", result);
  row("E20", (result = SP_get_vs_set_members(R.body, &sets[0], names, 0)) == BUFFER_TOO_SHORT, "%d", result);
  row("E21", (result = SP_get_memb_info(R.body, RELIABLE_MESS, &info)) == ILLEGAL_MESSAGE, "%d", result);

  scatter *sc = (scatter *)calloc(1, sizeof(scatter));
  sc->num_elements = 1;
  sc->elements[0].buf = R.body;
  sc->elements[0].len = 56;
  memset(&info, FILL, sizeof info);
  result = SP_scat_get_memb_info(sc, R.type, &info);
  row("E22", result == 1, "%d", result);
  row("E23", strcmp(info.changed_member, alice) == 0 && info.num_vs_sets == 1 && info.my_vs_set.num_members == 1 &&
                 info.my_vs_set.members_offset == 24,
      "%.32s %u %u %u", info.changed_member, info.num_vs_sets, info.my_vs_set.num_members,
      info.my_vs_set.members_offset);
  mine = 77;
  memset(sets, 0, sizeof sets);
  /* Stock fills as many sets as there is room for: give it room for one. */
  row("E24", (result = SP_scat_get_vs_sets_info(sc, sets, 1, &mine)) == 1 && mine == 0, "%d, index %u", result, mine);
  row("E25", sets[0].num_members == 1 && sets[0].members_offset == 24, "%u, %u", sets[0].num_members,
      sets[0].members_offset);
  memset(names, FILL, sizeof names);
  row("E26", (result = SP_scat_get_vs_set_members(sc, &sets[0], names, 10)) == 1 && strcmp(names[0], alice) == 0,
      "%d, %.32s", result, names[0]);
  row("E27", (result = SP_scat_get_memb_info(sc, RELIABLE_MESS, &info)) == ILLEGAL_MESSAGE, "%d", result);
  row("E28", memcmp(R.body, &info.gid, 12) == 0, "group id differs from the body");
  free(sc);
}

static void e_two_members(void) {
  membership_info mine, his;
  int result;
  m2 = user("bob", 1, bob);
  row("E31", (result = SP_join(m2, g)) == 0, "%d", result);
  rx(m2, 0, 100, 4000);
  row("E32", R.num_groups == 2, "bob sees %d", R.num_groups);
  row("E33", strcmp(R.groups[0], alice) == 0 && strcmp(R.groups[1], bob) == 0, "%.32s, %.32s", R.groups[0],
      R.groups[1]);
  row("E34", R.mess_type == 1, "bob's index %d", R.mess_type);
  SP_get_memb_info(R.body, R.type, &his);
  rx(m, 0, 100, 4000);
  row("E35", R.num_groups == 2 && strcmp(R.groups[0], alice) == 0 && strcmp(R.groups[1], bob) == 0,
      "alice sees %d members", R.num_groups);
  row("E36", R.mess_type == 0, "alice's index %d", R.mess_type);
  SP_get_memb_info(R.body, R.type, &mine);
  row("E37", SP_equal_group_ids(mine.gid, his.gid) == 1, "different views");
  row("E38", strcmp(mine.changed_member, bob) == 0, "%.32s", mine.changed_member);
  row("E39", mine.num_vs_sets == 1, "%u", mine.num_vs_sets);
  row("E40", mine.my_vs_set.num_members == 1, "%u", mine.my_vs_set.num_members);

  row("E41", (result = SP_leave(m2, g)) == 0, "%d", result);
  result = rx(m2, 0, 100, 4000);
  row("E42", R.type == 0x200, "type 0x%x", (unsigned)R.type);
  row("E43", result == 0, "%d", result);
  row("E44", R.num_groups == 0, "%d", R.num_groups);
  row("E45", strcmp(R.sender, g) == 0, "%.32s", R.sender);
  row("E46", R.mess_type == -1, "%d", R.mess_type);
  row("E47", R.mismatch == 0, "%d", R.mismatch);
  rx(m, 0, 100, 4000);
  row("E48", R.type == 0x1200, "type 0x%x", (unsigned)R.type);
  row("E49", R.num_groups == 1, "%d", R.num_groups);
  SP_get_memb_info(R.body, R.type, &mine);
  row("E50", strcmp(mine.changed_member, bob) == 0, "%.32s", mine.changed_member);
}

static void e_endings(void) {
  int result;
  SP_join(m2, g);
  rx(m2, 0, 100, 4000);
  rx(m, 0, 100, 4000);
  row("E51", (result = SP_disconnect(m2)) == 0, "%d", result);
  row("E53", (result = rx_now(m2, 0, 100, 4000)) == ILLEGAL_SESSION, "%d", result);
  row("E54", (result = SP_disconnect(m2)) == ILLEGAL_SESSION, "%d", result);
  rx(m, 0, 100, 4000);
  row("E52", R.type == 0x1400, "type 0x%x", (unsigned)R.type);

  m2 = user("bob", 1, bob);
  SP_join(m2, g);
  rx(m2, 0, 100, 4000);
  rx(m, 0, 100, 4000);
  SP_kill(m2);
  row("E56", (result = SP_poll(m2)) == ILLEGAL_SESSION, "%d", result);
  row("E57", fcntl(m2, F_GETFD) == -1 && errno == EBADF, "descriptor still open");
  rx(m, 0, 100, 4000);
  row("E55", R.type == 0x1400, "type 0x%x", (unsigned)R.type);
}

static void e_without_membership(void) {
  int result;
  m2 = user("bob", 0, bob);
  row("E58", (result = SP_join(m2, g)) == 0, "%d", result);
  rx(m, 0, 100, 4000);
  row("E59", R.type == 0x1100 && R.num_groups == 2, "type 0x%x", (unsigned)R.type);
  row("E60", quiet(m2, 300), "bob got something");
  row("E61", (result = SP_multicast(m, FIFO_MESS, g, 5, 2, "hi")) == 2, "%d", result);
  row("E62", (result = rx(m2, 0, 100, 4000)) == 2, "%d", result);
  row("E63", R.mess_type == 5, "%d", R.mess_type);
  rx(m, 0, 100, 4000);
  row("E64", (result = SP_leave(m2, g)) == 0, "%d", result);
  rx(m, 0, 100, 4000);
  row("E65", R.type == 0x1200, "type 0x%x", (unsigned)R.type);
  row("E66", quiet(m2, 300), "bob got something");
  gone(m2);
}

void cases_e(void) {
  int result;
  m = user("alice", 1, alice);
  g = fresh_group();
  row("E01", (result = SP_join(m, g)) == 0, "%d", result);
  row("E02", (result = rx(m, 0, 100, 4000)) == 56, "%d", result);
  row("E03", R.type == 0x1100, "type 0x%x", (unsigned)R.type);
  row("E04", strcmp(R.sender, g) == 0, "%.32s", R.sender);
  row("E05", R.num_groups == 1, "%d", R.num_groups);
  row("E06", strcmp(R.groups[0], alice) == 0, "%.32s", R.groups[0]);
  row("E07", R.mess_type == 0, "%d", R.mess_type);
  row("E08", R.mismatch == 0, "%d", R.mismatch);
  e_reading();
  row("E29", (result = SP_join(m, g)) == 0, "%d", result);
  row("E30", quiet(m, 400), "something came");
  e_two_members();
  e_endings();
  e_without_membership();
  gone(m);
}

/* ---- F ---- */

static void f_services(void) {
  static const int services[] = {UNRELIABLE_MESS, RELIABLE_MESS, FIFO_MESS, CAUSAL_MESS, AGREED_MESS, SAFE_MESS};
  static const int types[] = {0, 1, -1, 32767, -32768};
  int result;
  for (int i = 0; i < 6; i++) {
    row("F01", (result = SP_multicast(m, services[i], g, -3, 5, "hello")) == 5, "service 0x%x: %d", services[i], result);
    result = rx(m, 0, 100, 4000);
    row("F02", R.type == services[i], "service 0x%x arrives as 0x%x", services[i], (unsigned)R.type);
    row("F03", result == 5, "%d", result);
    row("F04", memcmp(R.body, "hello", 5) == 0, "body");
    row("F05", strcmp(R.sender, alice) == 0, "%.32s", R.sender);
    row("F06", R.num_groups == 1, "%d", R.num_groups);
    row("F07", strcmp(R.groups[0], g) == 0, "%.32s", R.groups[0]);
    row("F08", R.mess_type == -3, "%d", R.mess_type);
    row("F09", R.mismatch == 0, "%d", R.mismatch);
    row("F10", R.body[5] == FILL, "wrote behind the body");
  }
  for (int i = 0; i < 5; i++) {
    SP_multicast(m, FIFO_MESS, g, (int16)types[i], 1, "x");
    rx(m, 0, 100, 4000);
    row("F11", R.mess_type == types[i], "%d arrives as %d", types[i], R.mess_type);
  }
  row("F12", (result = SP_multicast(m, FIFO_MESS, g, 0, 0, "")) == 0 && rx(m, 0, 100, 4000) == 0, "%d, %d", result,
      R.result);
}

static void f_bits(void) {
  int result;
  row("F13", (result = SP_multicast(m, AGREED_MESS | SELF_DISCARD, g, 0, 1, "x")) == 1, "%d", result);
  rx(m2, 0, 100, 4000);
  row("F15", R.type == 0x50, "0x%x", (unsigned)R.type);
  row("F14", quiet(m, 300), "came back to the sender");
  row("F16", (result = SP_multicast(m, AGREED_MESS | (int)ENDIAN_RESERVED, g, 0, 1, "x")) == 1, "%d", result);
  rx(m, 0, 100, 4000);
  row("F17", R.type == 0x10, "0x%x", (unsigned)R.type);
  rx(m2, 0, 100, 4000);
  row("F17", R.type == 0x10, "0x%x", (unsigned)R.type);
  row("F18", (result = SP_multicast(m, AGREED_MESS | DROP_RECV, g, 0, 1, "x")) == 1, "%d", result);
  rx(m, 0, 100, 4000);
  row("F19", R.type == 0x01000010, "0x%x", (unsigned)R.type);
  rx(m2, 0, 100, 4000);
  row("F19", R.type == 0x01000010, "0x%x", (unsigned)R.type);
  row("F20", (result = SP_multicast(m, 0, g, 0, 1, "x")) == ILLEGAL_SERVICE, "%d", result);
  row("F21", (result = SP_multicast(m, REG_MEMB_MESS, g, 0, 1, "x")) == ILLEGAL_SERVICE, "%d", result);
  row("F22", (result = SP_multicast(m, SELF_DISCARD, g, 0, 1, "x")) == ILLEGAL_SERVICE, "%d", result);
}

static void f_names(void) {
  int result;
  row("F23", (result = SP_multicast(m, FIFO_MESS, bob, 0, 3, "abc")) == 3, "%d", result);
  row("F24", (result = rx(m2, 0, 100, 4000)) == 3, "%d", result);
  row("F25", R.num_groups == 1, "%d", R.num_groups);
  row("F26", strcmp(R.groups[0], bob) == 0, "%.32s", R.groups[0]);
  row("F27", quiet(m, 300), "the sender got it too");
  row("F28", (result = SP_multicast(m, FIFO_MESS, fresh_group(), 0, 3, "abc")) == 3, "%d", result);
  row("F29", quiet(m, 150) && quiet(m2, 150), "something came");
  row("F30", (result = SP_multicast(m, FIFO_MESS, "#nobody#nowhere", 0, 3, "abc")) == 3, "%d", result);
  row("F31", quiet(m, 150) && quiet(m2, 150), "something came");
  row("F32", (result = SP_multicast(m, FIFO_MESS, "", 0, 3, "abc")) == 3, "%d", result);
  row("F33", quiet(m, 150) && quiet(m2, 150), "something came");
  row("F34", (result = SP_multicast(m, FIFO_MESS, "bad name", 0, 3, "abc")) == 3, "%d", result);
  row("F35", quiet(m, 150) && quiet(m2, 150), "something came");
  SP_multicast(m, FIFO_MESS, g, 0, 3, "abc");
  row("F36", rx(m, 0, 100, 4000) == 3 && rx(m2, 0, 100, 4000) == 3, "mailbox does not work any more");
}

static void f_groups(void) {
  char names[3][MAX_GROUP_NAME];
  int result;
  const char *h = fresh_group();
  memset(names, 0, sizeof names);
  strcpy(names[0], g);
  strcpy(names[1], h);
  strcpy(names[2], g);
  row("F37", (result = SP_multigroup_multicast(m, FIFO_MESS, 3, (const char(*)[MAX_GROUP_NAME])names, 9, 4,
                                               "four")) == 4,
      "%d", result);
  row("F38", (result = rx(m, 0, 100, 4000)) == 4, "%d", result);
  row("F39", R.num_groups == 3, "%d", R.num_groups);
  row("F40", strcmp(R.groups[0], g) == 0 && strcmp(R.groups[1], h) == 0 && strcmp(R.groups[2], g) == 0,
      "%.32s %.32s %.32s", R.groups[0], R.groups[1], R.groups[2]);
  row("F41", rx(m2, 0, 100, 4000) == 4 && R.num_groups == 3, "%d, %d", R.result, R.num_groups);
  row("F42", quiet(m, 200) && quiet(m2, 100), "a second copy");
  row("F43", (result = SP_multigroup_multicast(m, FIFO_MESS, 0, (const char(*)[MAX_GROUP_NAME])names, 9, 4,
                                               "four")) == 4,
      "%d", result);
  row("F44", quiet(m, 200) && quiet(m2, 100), "something came");
  SP_join(m2, h);
  rx(m2, 0, 100, 4000);
  result = SP_multigroup_multicast(m, FIFO_MESS, 2, (const char(*)[MAX_GROUP_NAME])names, 9, 4, "four");
  row("F45", result == 4 && rx(m2, 0, 100, 4000) == 4, "%d, %d", result, R.result);
  row("F46", quiet(m2, 200), "a second copy");
  rx(m, 0, 100, 4000);
}

static void f_scatter(void) {
  scatter *sc = (scatter *)calloc(1, sizeof(scatter));
  static char ab[] = "ab", cde[] = "cde", f[] = "f", none[] = "";
  int result;
  sc->num_elements = 4;
  sc->elements[0].buf = ab;
  sc->elements[0].len = 2;
  sc->elements[1].buf = none;
  sc->elements[1].len = 0;
  sc->elements[2].buf = cde;
  sc->elements[2].len = 3;
  sc->elements[3].buf = f;
  sc->elements[3].len = 1;
  row("F47", (result = SP_scat_multicast(m, FIFO_MESS, g, 0, sc)) == 6, "%d", result);
  row("F48", rx(m, 0, 100, 4000) == 6 && memcmp(R.body, "abcdef", 6) == 0, "%d", R.result);
  rx(m2, 0, 100, 4000);
  sc->num_elements = 0;
  row("F49", (result = SP_scat_multicast(m, FIFO_MESS, g, 0, sc)) == 0, "%d", result);
  row("F50", rx(m, 0, 100, 4000) == 0, "%d", R.result);
  rx(m2, 0, 100, 4000);
  free(sc);
}

static int is_pattern(const char *bytes, int length) {
  for (int i = 0; i < length; i++) {
    if (bytes[i] != (char)(i * 7 + i / 251)) return 0;
  }
  return 1;
}

static void f_big(void) {
  char *big = (char *)malloc(143969);
  int result;
  for (int i = 0; i < 143969; i++) big[i] = (char)(i * 7 + i / 251);
  row("F51", (result = SP_multicast(m, FIFO_MESS, g, 0, 143969, big)) == MESSAGE_TOO_LONG, "%d", result);
  row("F52", (result = SP_multicast(m, FIFO_MESS, g, 0, 102400, big)) == 102400, "%d", result);
  row("F53", (result = rx(m, 0, 100, 150000)) == 102400, "%d", result);
  row("F54", is_pattern(R.body, 102400), "damaged");
  row("F55", rx(m2, 0, 100, 150000) == 102400 && is_pattern(R.body, 102400), "%d or damaged", R.result);
  free(big);
}

void cases_f(void) {
  m = user("alice", 1, alice);
  m2 = user("bob", 0, bob);
  g = fresh_group();
  SP_join(m, g);
  rx(m, 0, 100, 4000);
  f_services();
  SP_join(m2, g);
  rx(m, 0, 100, 4000);
  f_bits();
  f_names();
  gone(m2);
  rx(m, 0, 100, 4000);
  m2 = user("bob", 1, bob);
  SP_join(m2, g);
  rx(m, 0, 100, 4000);
  rx(m2, 0, 100, 4000);
  f_groups();
  f_scatter();
  f_big();
  gone(m2);
  gone(m);
}
