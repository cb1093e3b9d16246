/* A program around the library's event loop, as the classic C programs are: descriptors with priorities, timers, an end
   that a callback asks for. A pipe stands for the keyboard.
   usage: events ADDRESS */
#include "client.h"

enum { MESSAGES = 20 };

static struct client c;
static char group[MAX_GROUP_NAME];
static int keyboard[2];
static int seen_messages, seen_keys, seen_ticks, order_bad, late;

static void on_end(int code, void *data) {
  (void)data;
  late += code;
  E_exit_events();
}

/* Three ticks, 20 ms apart, each queued by the one before; the third presses a key. */
static void on_tick(int code, void *data) {
  sp_time step = {0, 20000};
  CHECK_EQUAL(code, seen_ticks);
  CHECK(data == (void *)&seen_ticks);
  seen_ticks++;
  if (seen_ticks < 3)
    CHECK_EQUAL(E_queue(on_tick, seen_ticks, &seen_ticks, step), 0);
  else
    CHECK_EQUAL(write(keyboard[1], "x", 1), 1);
}

static void on_message(mailbox mbox, int code, void *data) {
  CHECK_EQUAL(mbox, c.mbox);
  CHECK_EQUAL(code, 7);
  CHECK(data == (void *)&c);
  if (!CHECK(client_receive(&c) >= 0)) {
    E_exit_events();
    return;
  }
  if (Is_regular_mess(c.type) && c.mess_type != seen_messages++) order_bad = 1;
  if (seen_messages == MESSAGES) {
    sp_time soon = {0, 10000};
    E_queue(on_tick, 0, &seen_ticks, soon);
  }
}

static void on_key(int fd, int code, void *data) {
  char key;
  (void)code;
  (void)data;
  CHECK_EQUAL(read(fd, &key, 1), 1);
  seen_keys++;
  E_exit_events();
}

int main(int argc, char **argv) {
  sp_time limit = {30, 0}, one = {1, 500000}, two = {0, 600000}, sum, before, after;
  char name[16];
  int i;
  if (argc != 2) {
    fprintf(stderr, "usage: events ADDRESS\n");
    return 64;
  }
  check_start(40);
  unique_name(name, sizeof name, "e");
  unique_name(group, sizeof group, "c-events-");

  section("time");
  sum = E_add_time(one, two);
  CHECK(sum.sec == 2 && sum.usec == 100000);
  sum = E_sub_time(two, one);
  CHECK(sum.sec == 0 && sum.usec == -900000);
  CHECK_EQUAL(E_compare_time(one, two), 1);
  CHECK_EQUAL(E_compare_time(two, one), -1);
  CHECK_EQUAL(E_compare_time(one, one), 0);

  section("event loop");
  CHECK_EQUAL(E_init(), 0);
  if (!CHECK(client_connect(&c, argv[1], name, 1) == ACCEPT_SESSION) || !CHECK(pipe(keyboard) == 0))
    return check_end();
  CHECK_EQUAL(E_attach_fd(keyboard[0], READ_FD, on_key, 0, NULL, LOW_PRIORITY), 0);
  CHECK_EQUAL(E_attach_fd(c.mbox, READ_FD, on_message, 7, &c, HIGH_PRIORITY), 0);
  CHECK_EQUAL(E_num_active(HIGH_PRIORITY), 1);
  CHECK_EQUAL(E_queue(on_end, 1, NULL, limit), 0);
  CHECK_EQUAL(E_in_queue(on_end, 1, NULL), 1);
  CHECK_EQUAL(SP_join(c.mbox, group), 0);
  for (i = 0; i < MESSAGES; i++) CHECK_EQUAL(SP_multicast(c.mbox, AGREED_MESS, group, (int16)i, 1, "e"), 1);
  E_handle_events();
  CHECK_EQUAL(seen_messages, MESSAGES);
  CHECK_EQUAL(order_bad, 0);
  CHECK_EQUAL(seen_ticks, 3);
  CHECK_EQUAL(seen_keys, 1);
  CHECK_EQUAL(late, 0);
  CHECK_EQUAL(E_dequeue(on_end, 1, NULL), 0);
  CHECK_EQUAL(E_dequeue(on_end, 1, NULL), -1);

  section("detached descriptor");
  CHECK_EQUAL(E_detach_fd(c.mbox, READ_FD), 0);
  CHECK_EQUAL(E_detach_fd(c.mbox, READ_FD), -1);
  CHECK_EQUAL(SP_multicast(c.mbox, AGREED_MESS, c.private_group, 0, 1, "e"), 1);
  CHECK(client_readable(&c, 10000));
  limit.sec = 0;
  limit.usec = 30000;
  before = E_get_time();
  CHECK_EQUAL(E_queue(on_end, 2, NULL, limit), 0);
  E_handle_events();
  after = E_sub_time(E_get_time(), before);
  CHECK_EQUAL(late, 2);
  CHECK(after.sec > 0 || after.usec >= 25000);
  CHECK_EQUAL(seen_messages, MESSAGES);
  CHECK_EQUAL(SP_disconnect(c.mbox), 0);
  return check_end();
}
