/* Rows G (short buffers) and H (messages of a scripted server). */

#include "cases.h"
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static mailbox m;
static char alice[MAX_GROUP_NAME];
static const char *g;
static char fifty[51];

static void send_fifty(mailbox from) { SP_multicast(from, FIFO_MESS, g, 77, 50, fifty); }

static void g_kept(void) {
  int result;
  send_fifty(m);
  row("G01", (result = rx(m, 0, 100, 20)) == BUFFER_TOO_SHORT, "%d", result);
  row("G02", R.mismatch == -50, "%d", R.mismatch);
  row("G03", R.num_groups == 0, "%d", R.num_groups);
  row("G04", R.type == FIFO_MESS, "0x%x", (unsigned)R.type);
  row("G05", R.mess_type == 77, "%d", R.mess_type);
  row("G06", strcmp(R.sender, alice) == 0, "%.32s", R.sender);
  row("G07", R.groups[0][0] == FILL, "groups written");
  row("G08", arrays_untouched(), "body written");
  row("G09", (result = rx(m, 0, 100, 49)) == BUFFER_TOO_SHORT, "%d", result);
  row("G10", (result = SP_poll(m)) == 82, "%d", result);
  row("G11", (result = rx(m, 0, 100, 50)) == 50, "%d", result);
  row("G12", R.mismatch == 0, "%d", R.mismatch);
  row("G13", R.num_groups == 1, "%d", R.num_groups);
  row("G14", R.mess_type == 77, "%d", R.mess_type);
  row("G15", memcmp(R.body, fifty, 50) == 0, "body");
  send_fifty(m);
  row("G16", (result = rx(m, 0, 0, 100)) == GROUPS_TOO_SHORT, "%d", result);
  row("G17", R.num_groups == -1, "%d", R.num_groups);
  row("G18", R.mismatch == 0, "%d", R.mismatch);
  row("G19", (result = rx(m, 0, 0, 10)) == GROUPS_TOO_SHORT, "%d", result);
  row("G20", R.num_groups == -1, "%d", R.num_groups);
  row("G21", R.mismatch == -50, "%d", R.mismatch);
  row("G22", (result = rx(m, 0, 1, 50)) == 50, "%d", result);
}

static void g_dropped(void) {
  int result;
  send_fifty(m);
  row("G23", (result = rx(m, DROP_RECV, 100, 20)) == BUFFER_TOO_SHORT, "%d", result);
  row("G24", R.mismatch == 0, "%d", R.mismatch);
  row("G25", R.num_groups == 1, "%d", R.num_groups);
  row("G26", memcmp(R.body, fifty, 20) == 0, "body");
  row("G27", R.body[20] == FILL, "wrote behind the buffer");
  row("G28", R.mess_type == 77, "%d", R.mess_type);
  row("G29", R.type == FIFO_MESS, "0x%x", (unsigned)R.type);
  row("G30", strcmp(R.groups[0], g) == 0, "%.32s", R.groups[0]);
  row("G31", quiet(m, 100), "something left");
  send_fifty(m);
  row("G32", (result = rx(m, DROP_RECV, 0, 100)) == 50, "%d", result);
  row("G33", R.num_groups == -1, "%d", R.num_groups);
  row("G34", memcmp(R.body, fifty, 50) == 0, "body");
  send_fifty(m);
  row("G35", (result = rx(m, DROP_RECV, 0, 10)) == BUFFER_TOO_SHORT, "%d", result);
  row("G36", R.num_groups == -1, "%d", R.num_groups);
  row("G37", quiet(m, 100), "something left");

  /* On a mailbox of its own: stock is out of step afterwards. */
  mailbox other = user("throwaway", 0, NULL);
  SP_join(other, g);
  rx(m, 0, 100, 4000);
  send_fifty(m);
  rx(m, 0, 100, 4000);
  row("G38", (result = rx(other, 0, 100, 20)) == BUFFER_TOO_SHORT, "%d", result);
  row("G39", (result = rx(other, DROP_RECV, 100, 20)) == BUFFER_TOO_SHORT && R.num_groups == 1, "%d, %d groups", result,
      R.num_groups);
  row("G40", quiet(other, 100), "something left");
  if (!stock) {
    send_fifty(m);
    rx(m, 0, 100, 4000);
    row("G40", (result = rx(other, 0, 100, 100)) == 50 && strcmp(R.groups[0], g) == 0, "out of step: %d", result);
  }
  SP_kill(other);
  rx(m, 0, 100, 4000);
  send_fifty(m);
  row("G41", rx(m, 0, 100, 100) == 50 && memcmp(R.body, fifty, 50) == 0, "%d", R.result);
}

static void g_groups(void) {
  char names[3][MAX_GROUP_NAME];
  const char(*groups)[MAX_GROUP_NAME] = (const char(*)[MAX_GROUP_NAME])names;
  int result;
  memset(names, 0, sizeof names);
  strcpy(names[0], g);
  strcpy(names[1], "second");
  strcpy(names[2], "third");
  SP_multigroup_multicast(m, FIFO_MESS, 3, groups, 1, 4, "four");
  row("G42", (result = rx(m, 0, 2, 100)) == GROUPS_TOO_SHORT, "%d", result);
  row("G43", R.num_groups == -3, "%d", R.num_groups);
  row("G44", (result = rx(m, DROP_RECV, 2, 100)) == 4, "%d", result);
  row("G45", R.num_groups == -3, "%d", R.num_groups);
  row("G46", strcmp(R.groups[0], g) == 0, "%.32s", R.groups[0]);
  row("G47", strcmp(R.groups[1], "second") == 0, "%.32s", R.groups[1]);
  row("G48", R.groups[2][0] == FILL && R.groups[2][31] == FILL, "third name written");
  SP_multigroup_multicast(m, FIFO_MESS, 3, groups, 1, 4, "four");
  row("G49", (result = rx(m, 0, 3, 4)) == 4, "%d", result);
}

static void g_membership(void) {
  int result;
  mailbox m2 = user("bob", 1, NULL);
  SP_join(m2, g);
  row("G50", (result = rx(m, 0, 1, 10)) == GROUPS_TOO_SHORT, "%d", result);
  row("G51", R.mess_type == 0, "%d", R.mess_type);
  row("G52", R.mismatch == -56, "%d", R.mismatch);
  row("G53", R.num_groups == -2, "%d", R.num_groups);
  row("G54", R.type == 0x1100, "0x%x", (unsigned)R.type);
  row("G55", strcmp(R.sender, g) == 0, "%.32s", R.sender);
  row("G56", (result = rx(m, 0, 2, 56)) == 56, "%d", result);
  row("G57", R.mess_type == 0, "%d", R.mess_type);
  row("G58", (result = rx(m2, DROP_RECV, 1, 1000)) == 56, "%d", result);
  row("G59", R.mess_type == -1, "%d", R.mess_type);
  row("G60", R.num_groups == -2, "%d", R.num_groups);
  gone(m2);
  rx(m, 0, 100, 4000);
}

static int scat_rx(scatter *sc) {
  R.type = 0;
  R.mismatch = UNSET;
  return SP_scat_receive(m, &R.type, R.sender, 100, &R.num_groups, R.groups, &R.mess_type, &R.mismatch, sc);
}

static void g_scatter(void) {
  scatter *sc = (scatter *)calloc(1, sizeof(scatter));
  static char a[3], b[4], c[100];
  int result;
  SP_multicast(m, FIFO_MESS, g, 0, 0, "");
  row("G61", (result = rx(m, 0, 1, 0)) == 0, "%d", result);
  sc->elements[0].buf = a;
  sc->elements[0].len = 3;
  sc->elements[1].buf = b;
  sc->elements[1].len = 4;
  sc->elements[2].buf = c;
  sc->elements[2].len = 100;
  sc->num_elements = 3;
  send_fifty(m);
  row("G62", (result = scat_rx(sc)) == 50, "%d", result);
  row("G63", memcmp(a, fifty, 3) == 0 && memcmp(b, fifty + 3, 4) == 0 && memcmp(c, fifty + 7, 43) == 0, "body");
  row("G64", sc->elements[0].len == 3 && sc->elements[1].len == 4 && sc->elements[2].len == 100, "lengths changed");
  send_fifty(m);
  sc->num_elements = 2;
  row("G65", (result = scat_rx(sc)) == BUFFER_TOO_SHORT, "%d", result);
  row("G66", R.mismatch == -50, "%d", R.mismatch);
  sc->num_elements = 3;
  row("G67", (result = scat_rx(sc)) == 50, "%d", result);
  SP_multicast(m, FIFO_MESS, g, 0, 0, "");
  sc->num_elements = 0;
  row("G68", (result = scat_rx(sc)) == 0, "%d", result);
  send_fifty(m);
  sc->num_elements = 2;
  sc->elements[0].len = 0;
  sc->elements[1].buf = c;
  sc->elements[1].len = 100;
  memset(c, 0, sizeof c);
  row("G69", (result = scat_rx(sc)) == 50 && memcmp(c, fifty, 50) == 0, "%d", result);
  free(sc);
}

void cases_g(void) {
  int result;
  for (int i = 0; i < 50; i++) fifty[i] = (char)('0' + i);
  m = user("alice", 1, alice);
  g = fresh_group();
  SP_join(m, g);
  rx(m, 0, 100, 4000);
  g_kept();
  g_dropped();
  g_groups();
  g_membership();
  g_scatter();
  row("G70", (result = SP_poll(m)) == 0, "%d", result);
  SP_multicast(m, FIFO_MESS, g, 0, 10, fifty);
  for (int i = 0; i < 100 && SP_poll(m) < 90; i++) pause_ms(10);
  row("G71", (result = SP_poll(m)) == 90, "%d", result);
  gone(m);
}

/* ---- H ---- */

static struct server s;

static void open_with(const struct message *message, int gap, int closes) { m = scripted(&s, message, gap, closes); }
static void close_server(void) {
  SP_kill(m);
  served(&s, NULL, 0);
}

/* Big or little header and hint: returns the result of receiving "abc" with type 0x1234. */
static int order_case(int big, int big_hint) {
  struct message message = {{0}, 0};
  header(&message, big, big_hint, RELIABLE_MESS, "#q#y", 1, 0x1234, 3);
  name32(&message, "grp");
  text(&message, "abc", 3);
  open_with(&message, 0, 0);
  int result = rx(m, 0, 10, 100);
  close_server();
  return result;
}

static void h_orders(void) {
  int result;
  row("H01", (result = order_case(1, 1)) == 3, "%d", result);
  row("H02", R.mismatch == 1, "%d", R.mismatch);
  row("H03", R.mess_type == 0x1234, "%d", R.mess_type);
  row("H04", R.type == RELIABLE_MESS, "0x%x", (unsigned)R.type);
  row("H05", R.num_groups == 1 && strcmp(R.groups[0], "grp") == 0, "%d", R.num_groups);
  order_case(0, 1);
  row("H06", R.mismatch == 1, "%d", R.mismatch);
  row("H07", R.mess_type == 0x1234, "%d", R.mess_type);
  order_case(1, 0);
  row("H08", R.mismatch == 0, "%d", R.mismatch);
  row("H09", R.mess_type == 0x1234, "%d", R.mess_type);
}

static void h_big_membership(void) {
  struct message message = {{0}, 0};
  membership_info info;
  vs_set_info sets[4];
  unsigned mine = 9;
  int result;
  header(&message, 1, 1, REG_MEMB_MESS | CAUSED_BY_JOIN, "grp", 2, 0, 56);
  name32(&message, "#q#y");
  name32(&message, "#a#b");
  word(&message, 0x01020304, 1);
  word(&message, 0x05060708, 1);
  word(&message, 9, 1);
  word(&message, 1, 1);
  word(&message, 0, 1);
  word(&message, 1, 1);
  name32(&message, "#a#b");
  open_with(&message, 0, 0);
  rx(m, 0, 10, 1000);
  row("H10", R.type == 0x1100, "0x%x", (unsigned)R.type);
  row("H11", R.mismatch == 0, "%d", R.mismatch);
  row("H12", R.mess_type == 1, "%d", R.mess_type);
  result = SP_get_memb_info(R.body, R.type, &info);
  row("H13", result == 1 && info.gid.id[0] == 0x01020304 && info.gid.id[1] == 0x05060708 && info.gid.id[2] == 9,
      "group id %x %x %x", (unsigned)info.gid.id[0], (unsigned)info.gid.id[1], (unsigned)info.gid.id[2]);
  row("H14", info.num_vs_sets == 1, "%u", info.num_vs_sets);
  row("H15", info.my_vs_set.num_members == 1 && info.my_vs_set.members_offset == 24, "%u %u",
      info.my_vs_set.num_members, info.my_vs_set.members_offset);
  row("H16", strcmp(info.changed_member, "#a#b") == 0, "%.32s", info.changed_member);
  row("H17", SP_get_vs_sets_info(R.body, sets, 4, &mine) == 1 && mine == 0 && sets[0].num_members == 1, "index %u",
      mine);
  close_server();
}

static void h_reject(void) {
  struct message message = {{0}, 0};
  int result;
  header(&message, 0, 0, REJECT_MESS, "#a#b", 1, 42, 2);
  word(&message, AGREED_MESS | ENDIAN_RESERVED, 0);
  name32(&message, "grp");
  text(&message, "hi", 2);
  open_with(&message, 0, 0);
  row("H18", (result = rx(m, 0, 10, 10)) == 2, "%d", result);
  row("H19", R.type == 0x400010, "0x%x", (unsigned)R.type);
  row("H20", R.mess_type == 42, "%d", R.mess_type);
  row("H21", Is_reject_mess(R.type) && !Is_regular_mess(R.type), "macros");
  close_server();
  open_with(&message, 0, 0);
  row("H22", (result = rx(m, 0, 10, 1)) == BUFFER_TOO_SHORT, "%d", result);
  row("H23", R.type == 0x400000, "0x%x", (unsigned)R.type);
  row("H24", R.mess_type == 42, "%d", R.mess_type);
  row("H25", (result = rx(m, 0, 10, 10)) == 2, "%d", result);
  row("H26", R.type == 0x400010, "0x%x", (unsigned)R.type);
  close_server();
}

static void h_negative(void) {
  struct message message = {{0}, 0};
  int result;
  header(&message, 0, 0, FIFO_MESS, "#q#y", -1, 0, 0);
  header(&message, 0, 0, FIFO_MESS, "#q#y", 0, 0, -5);
  header(&message, 0, 0, FIFO_MESS, "#q#y", 1, 0, 0);
  name32(&message, "g");
  open_with(&message, 0, 0);
  row("H27", (result = rx(m, 0, 10, 10)) == ILLEGAL_MESSAGE, "%d", result);
  row("H28", (result = rx(m, 0, 10, 10)) == ILLEGAL_MESSAGE, "%d", result);
  row("H29", (result = rx(m, 0, 10, 10)) == 0, "%d", result);
  row("H30", strcmp(R.groups[0], "g") == 0, "%.32s", R.groups[0]);
  close_server();
}

static void h_ends(void) {
  struct message message = {{0}, 0};
  int result;
  text(&message, "abc", 3);
  open_with(&message, 0, 1);
  row("H31", (result = rx(m, 0, 10, 10)) == CONNECTION_CLOSED, "%d", result);
  row("H32", (result = rx_now(m, 0, 10, 10)) == NET_ERROR_ON_SESSION, "%d", result);
  row("H33", (result = SP_join(m, "g")) == NET_ERROR_ON_SESSION, "%d", result);
  row("H34", (result = SP_multicast(m, FIFO_MESS, "g", 0, 1, "x")) == NET_ERROR_ON_SESSION, "%d", result);
  row("H35", (result = SP_poll(m)) == 0, "%d", result);
  row("H36", fcntl(m, F_GETFD) >= 0, "descriptor closed");
  row("H37", (result = SP_disconnect(m)) == 0, "%d", result);
  row("H38", (result = SP_poll(m)) == ILLEGAL_SESSION, "%d", result);
  served(&s, NULL, 0);

  message.length = 0;
  header(&message, 0, 0, FIFO_MESS, "#q#y", 1, 0, 10);
  name32(&message, "grp");
  text(&message, "abc", 3);
  open_with(&message, 0, 1);
  row("H39", (result = rx(m, 0, 10, 10)) == CONNECTION_CLOSED, "%d", result);
  row("H40", R.num_groups == 1, "%d", R.num_groups);
  close_server();
  message.length = 48 + 10;
  open_with(&message, 0, 1);
  row("H41", (result = rx(m, 0, 10, 10)) == CONNECTION_CLOSED, "%d", result);
  row("H42", R.num_groups == UNSET, "%d", R.num_groups);
  close_server();
}

static volatile sig_atomic_t ticks;
static void tick(int number) {
  (void)number;
  ticks = ticks + 1;
}

static void h_bytewise(void) {
  struct message message = {{0}, 0};
  struct sigaction action;
  struct sigevent event;
  struct itimerspec interval;
  timer_t timer;
  int result;
  header(&message, 0, 0, FIFO_MESS, "#q#y", 1, 1, 5);
  name32(&message, "grp");
  text(&message, "hello", 5);
  open_with(&message, 2, 0);
  row("H43", (result = rx(m, 0, 10, 10)) == 5, "%d", result);
  row("H44", R.mess_type == 1 && memcmp(R.body, "hello", 5) == 0, "%d", R.mess_type);
  close_server();

  /* A timer with a signal of its own: SIGALRM is the watchdog's, and valgrind hands a pending signal on late, when the
     handler is another's again. */
  memset(&action, 0, sizeof action);
  action.sa_handler = tick; /* without SA_RESTART */
  sigaction(SIGUSR1, &action, NULL);
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0) exit(2);
  open_with(&message, 2, 0);
  memset(&interval, 0, sizeof interval);
  interval.it_interval.tv_nsec = interval.it_value.tv_nsec = 5000000;
  timer_settime(timer, 0, &interval, NULL);
  result = rx_now(m, 0, 10, 10);
  timer_delete(timer);
  row("H45", result == 5, "%d", result);
  row("H46", ticks > 3, "%d signals", (int)ticks);
  close_server();
}

static void report_bytes(int fd, int report) {
  char bytes[200];
  greet(fd);
  int got = take(fd, bytes, 80);
  if (write(report, bytes, (size_t)got) != got) _exit(1);
  close(report);
  await_close(fd);
}

static unsigned little(const unsigned char *bytes) {
  return bytes[0] | (unsigned)bytes[1] << 8 | (unsigned)bytes[2] << 16 | (unsigned)bytes[3] << 24;
}

static void h_sent(void) {
  unsigned char bytes[80];
  char group[MAX_GROUP_NAME];
  const unsigned marks = ENDIAN_RESERVED;
  int got;
  serve(&s, report_bytes);
  SP_connect(s.name, "a", 0, 1, &m, group);
  SP_join(m, "grpX");
  SP_kill(m);
  got = served(&s, (char *)bytes, 80);
  row("H47", got == 80, "%d bytes", got);
  row("H48", little(bytes) == (0x10000 | marks), "type 0x%x", little(bytes));
  row("H49", strcmp((char *)bytes + 4, "#a#b") == 0, "name");
  row("H50", little(bytes + 36) == 1, "groups %u", little(bytes + 36));
  row("H51", little(bytes + 40) == marks, "hint 0x%x", little(bytes + 40));
  row("H52", little(bytes + 44) == 0, "length %u", little(bytes + 44));
  row("H53", strcmp((char *)bytes + 48, "grpX") == 0, "group");
  serve(&s, report_bytes);
  SP_connect(s.name, "a", 0, 1, &m, group);
  SP_multicast(m, AGREED_MESS, "grpX", -2, 0, "");
  SP_kill(m);
  got = served(&s, (char *)bytes, 80);
  row("H54", got == 80 && little(bytes) == (0x10 | marks), "type 0x%x", little(bytes));
  row("H55", little(bytes + 40) == (0x00fffe00 | marks), "hint 0x%x", little(bytes + 40));
}

static void h_signals_of_change(void) {
  struct message message = {{0}, 0};
  membership_info info;
  int result;
  header(&message, 0, 0, TRANSITION_MESS, "grp", 0, 0, 12);
  word(&message, 11, 0);
  word(&message, 22, 0);
  word(&message, 33, 0);
  open_with(&message, 0, 0);
  row("H56", (result = rx(m, 0, 10, 100)) == 12, "%d", result);
  row("H57", R.type == TRANSITION_MESS, "0x%x", (unsigned)R.type);
  row("H58", R.mess_type == -1, "%d", R.mess_type);
  memset(&info, FILL, sizeof info);
  row("H59", (result = SP_get_memb_info(R.body, R.type, &info)) == 1, "%d", result);
  row("H60", info.num_vs_sets == 0, "%u", info.num_vs_sets);
  row("H61", info.my_vs_set.num_members == 0 && info.my_vs_set.members_offset == 0, "%u", info.my_vs_set.num_members);
  row("H62", info.gid.id[0] == 11 && info.gid.id[1] == 22 && info.gid.id[2] == 33, "group id");
  close_server();
  message.length = 0;
  header(&message, 0, 0, CAUSED_BY_LEAVE, "grp", 0, 0, 0);
  open_with(&message, 0, 0);
  row("H63", (result = rx(m, 0, 10, 100)) == 0, "%d", result);
  row("H64", Is_self_leave(R.type), "0x%x", (unsigned)R.type);
  close_server();
}

static void delayed(int fd, int report) {
  struct message message = {{0}, 0};
  (void)report;
  greet(fd);
  pause_ms(300);
  header(&message, 0, 0, FIFO_MESS, "#q#y", 1, 1, 5);
  name32(&message, "grp");
  put(fd, message.bytes, message.length);
  pause_ms(100);
  put(fd, "hello", 5);
  await_close(fd);
}

void cases_h(void) {
  char group[MAX_GROUP_NAME];
  int result;
  h_orders();
  h_big_membership();
  h_reject();
  h_negative();
  h_ends();
  h_bytewise();
  h_sent();
  h_signals_of_change();
  serve(&s, delayed);
  SP_connect(s.name, "a", 0, 1, &m, group);
  fcntl(m, F_SETFL, fcntl(m, F_GETFL) | O_NONBLOCK);
  row("H65", (result = rx_now(m, 0, 10, 100)) == 5, "%d", result);
  close_server();
}
