/* A client that joins, leaves and sends at random, and writes down everything it sees as JSON lines, in the client
 * format of evs-properties 2. Linked against an installed libspread; knows nothing else of this project.
 *
 *   client --address port@host --name base --daemon name --trace file --seed n [--interval microseconds]
 *          [--largest bytes] [--groups n] [--stays 0|1] [--discards 0|1]
 *
 * --stays: joins all groups and leaves none, so that no group runs empty: made anew under the same membership of daemons
 * it would have the ids of its views once more. --discards: also sends messages that do not come back to it.
 * When a session is lost another one is opened, under another name. Signals:
 *   SIGUSR1   calm: no more joins and leaves, few small messages
 *   SIGUSR2   quiet: nothing is sent
 *   SIGTERM   the trace is complete: close it, and sleep with the session open */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sp.h>

enum { largest_message = 143000, largest_group_list = 256, most_groups = 8 };
static const uint32_t magic = 0x52494e47;

static volatile sig_atomic_t is_calm, is_quiet, is_over;

static struct {
  const char *address, *name, *daemon, *trace;
  uint64_t seed;
  long interval;
  int largest, groups, stays, discards;
} option = {.interval = 5000, .largest = 100000, .groups = 4, .seed = 1};

static FILE *trace;
static mailbox mbox;
static int session;
static char label[64], private_name[MAX_GROUP_NAME];
static int is_member[most_groups];
/* Joined, and no view yet: what is sent meanwhile may overtake the join when it is RELIABLE, so nothing is. */
static int is_joining[most_groups];
static uint32_t counter;
static char sending[largest_message], receiving[largest_message + 1000];
static char groups[largest_group_list][MAX_GROUP_NAME];
/* Somebody to send private messages to. */
static char acquaintance[MAX_GROUP_NAME];

/* ---- chance and time ---- */

static uint64_t random_bits(void) {
  uint64_t z = option.seed += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static int below(int bound) { return (int)(random_bits() % (uint64_t)bound); }

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t hash(const char *bytes, int count) {
  uint64_t value = UINT64_C(0xcbf29ce484222325);
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    value = (value ^ word) * UINT64_C(0x100000001b3);
    value ^= value >> 29;
  }
  for (; i < count; i++) value = (value ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
  return value;
}

/* ---- the trace ---- */

static void begin(const char *event) {
  fprintf(trace, "{\"ev\":\"%s\",\"c\":\"%s\",\"t\":%" PRId64, event, label, now());
}
static void end(void) { fputs("}\n", trace); }

/* Names hold what the protocol allows, so also quotes and backslashes. */
static void text(const char *value) {
  putc('"', trace);
  for (; *value; value++) {
    if (*value == '"' || *value == '\\') putc('\\', trace);
    putc(*value, trace);
  }
  putc('"', trace);
}
static void field(const char *key, const char *value) {
  fprintf(trace, ",\"%s\":", key);
  text(value);
}
static void number(const char *key, int64_t value) { fprintf(trace, ",\"%s\":%" PRId64, key, value); }
static void flag(const char *key, int value) { fprintf(trace, ",\"%s\":%s", key, value ? "true" : "false"); }
static void names(int count, char (*list)[MAX_GROUP_NAME]) {
  putc('[', trace);
  for (int i = 0; i < count; i++) {
    if (i) putc(',', trace);
    text(list[i]);
  }
  putc(']', trace);
}
static void id(group_id value) {
  /* Two words of the daemons' membership and the index of the view. */
  int32_t words[3];
  memcpy(words, &value, sizeof words);
  fprintf(trace, ",\"gid\":[%" PRIu32 ",%d,%d]", (uint32_t)words[0], words[1], words[2]);
}
static void message(const char *sender, uint32_t count) { fprintf(trace, ",\"mid\":\"%s:%" PRIu32 "\"", sender, count); }

static const char *service_name(service type) {
  if (Is_unreliable_mess(type)) return "UNRELIABLE";
  if (Is_reliable_mess(type)) return "RELIABLE";
  if (Is_fifo_mess(type)) return "FIFO";
  if (Is_causal_mess(type)) return "CAUSAL";
  if (Is_agreed_mess(type)) return "AGREED";
  return "SAFE";
}

static void die(const char *what) {
  fprintf(stderr, "client %s: %s\n", label, what);
  exit(2);
}

/* ---- sessions ---- */

static int is_open;

static void closed(int result) {
  begin("closed");
  number("rc", result);
  end();
  is_open = 0;
}

static void join(int group) {
  char name[16];
  snprintf(name, sizeof name, "g%d", group);
  int result = SP_join(mbox, name);
  begin("join");
  field("group", name);
  number("rc", result);
  end();
  if (result < 0) return closed(result);
  is_member[group] = is_joining[group] = 1;
}

static void leave(int group) {
  char name[16];
  snprintf(name, sizeof name, "g%d", group);
  int result = SP_leave(mbox, name);
  begin("leave");
  field("group", name);
  number("rc", result);
  end();
  if (result < 0) return closed(result);
  is_member[group] = is_joining[group] = 0;
}

static void open_session(void) {
  char user[16];
  sp_time limit = {5, 0};
  snprintf(user, sizeof user, "%sx%d", option.name, session);
  int result = SP_connect_timeout(option.address, user, 0, 1, &mbox, private_name, limit);
  if (result != ACCEPT_SESSION) {
    usleep(100000);
    return;
  }
  snprintf(label, sizeof label, "%s/%d", option.name, session++);
  int room = 2000000;
  setsockopt(mbox, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  counter = 0;
  is_open = 1;
  memset(is_member, 0, sizeof is_member);
  memset(is_joining, 0, sizeof is_joining);
  acquaintance[0] = 0;
  begin("connect");
  field("daemon", option.daemon);
  field("private", private_name);
  flag("wantsMemb", 1);
  end();
  join(0);
  for (int i = 1; i < option.groups && option.stays && is_open; i++) join(i);
}

/* ---- sending ---- */

static int random_size(void) {
  if (is_calm) return 21 + below(100);
  switch (below(40)) {
    case 0: return 21 + below(option.largest - 20);
    case 1: case 2: return 21 + below(10000);
    case 3: return 1384 + below(4);
    default: return 21 + below(1400);
  }
}

static int choose_groups(void) {
  if (is_calm || below(4)) {
    strcpy(groups[0], "g0");
    return 1;
  }
  if (acquaintance[0] && below(8) == 0) {
    strcpy(groups[0], acquaintance);
    return 1;
  }
  int count = 0, wanted = below(50) == 0 ? 43 : 1 + below(option.groups);
  for (int i = 0; i < option.groups && count < wanted; i++)
    if (below(2)) snprintf(groups[count++], MAX_GROUP_NAME, "g%d", i);
  /* Groups that nobody is in. */
  for (int i = 0; wanted == 43 && count < wanted; i++) snprintf(groups[count++], MAX_GROUP_NAME, "empty%d", i);
  if (count == 0) strcpy(groups[count++], "g0");
  return count;
}

static void send_message(void) {
  static const service services[] = {
      UNRELIABLE_MESS, RELIABLE_MESS, FIFO_MESS, CAUSAL_MESS, AGREED_MESS, SAFE_MESS};
  service type = services[below(6)];
  int discard = option.discards && below(10) == 0, size = random_size(), group_count = choose_groups();
  int16_t kind = (int16_t)below(30000);
  uint32_t number_of_message = counter++;
  for (int i = 20; i < size; i += 8) {
    uint64_t word = random_bits();
    memcpy(sending + i, &word, size - i < 8 ? (size_t)(size - i) : 8);
  }
  uint64_t sum = hash(sending + 20, size - 20);
  memcpy(sending, &magic, 4);
  memcpy(sending + 4, &number_of_message, 4);
  memcpy(sending + 8, &type, 4);
  memcpy(sending + 12, &sum, 8);
  begin("send");
  message(private_name, number_of_message);
  field("svc", service_name(type));
  fputs(",\"groups\":", trace);
  names(group_count, groups);
  flag("selfDiscard", discard);
  number("len", size);
  number("mtype", kind);
  number("hash", (int64_t)sum);
  end();
  if (discard) type |= SELF_DISCARD;
  int result = SP_multigroup_multicast(
      mbox, type, group_count, (const char (*)[MAX_GROUP_NAME])groups, kind, size, sending);
  begin("sent");
  message(private_name, number_of_message);
  number("rc", result);
  end();
  if (result < 0) closed(result);
}

/* ---- receiving ---- */

static void received(service type, const char *sender, int group_count, int16_t kind, int size) {
  uint32_t mark, count;
  uint64_t sum;
  if (size < 21) die("a message that no client sent");
  memcpy(&mark, receiving, 4);
  memcpy(&count, receiving + 4, 4);
  memcpy(&sum, receiving + 12, 8);
  if (mark != magic) die("a message that no client sent");
  /* What arrived, not what its sender claims. */
  uint64_t found = hash(receiving + 20, size - 20);
  begin("recv");
  message(sender, count);
  field("sender", sender);
  field("svc", service_name(type));
  fputs(",\"groups\":", trace);
  names(group_count, groups);
  number("len", size);
  number("mtype", kind);
  number("hash", (int64_t)found);
  end();
  if (found != sum) fprintf(stderr, "client %s: %s:%" PRIu32 " arrived damaged\n", label, sender, count);
}

static void view(service type, const char *group, int group_count, int16_t index) {
  membership_info info;
  if (SP_get_memb_info(receiving, type, &info) < 0) die("SP_get_memb_info failed");
  begin("view");
  field("group", group);
  id(info.gid);
  fputs(",\"members\":", trace);
  names(group_count, groups);
  number("index", index);
  const char *cause = Is_caused_join_mess(type)         ? "JOIN"
                      : Is_caused_leave_mess(type)      ? "LEAVE"
                      : Is_caused_disconnect_mess(type) ? "DISCONNECT"
                                                        : "NETWORK";
  field("cause", cause);
  if (!Is_caused_network_mess(type)) field("changed", info.changed_member);
  static vs_set_info sets[largest_group_list];
  static char members[largest_group_list][MAX_GROUP_NAME];
  unsigned mine = 0;
  int count = SP_get_vs_sets_info(receiving, sets, largest_group_list, &mine);
  if (count < 0) die("SP_get_vs_sets_info failed");
  fputs(",\"vs\":[", trace);
  for (int i = 0; i < count; i++) {
    int size = SP_get_vs_set_members(receiving, &sets[i], members, largest_group_list);
    if (size < 0) die("SP_get_vs_set_members failed");
    if (i) putc(',', trace);
    names(size, members);
  }
  putc(']', trace);
  number("mine", mine);
  end();
  strcpy(acquaintance, groups[below(group_count)]);
  if (group[0] == 'g' && group[1] && !group[2]) is_joining[group[1] - '0'] = 0;
}

static void receive(void) {
  service type = 0;
  char sender[MAX_GROUP_NAME];
  int group_count = 0, swapped = 0;
  int16_t kind = 0;
  int size = SP_receive(
      mbox, &type, sender, largest_group_list, &group_count, groups, &kind, &swapped, sizeof receiving, receiving);
  if (size < 0) {
    if (size == ILLEGAL_SESSION || size == CONNECTION_CLOSED) return closed(size);
    fprintf(stderr, "client %s: SP_receive %d\n", label, size);
    exit(2);
  }
  if (Is_regular_mess(type)) {
    received(type, sender, group_count, kind, size);
  } else if (Is_transition_mess(type)) {
    membership_info info;
    if (SP_get_memb_info(receiving, type, &info) < 0) die("SP_get_memb_info failed");
    begin("trans");
    field("group", sender);
    id(info.gid);
    end();
  } else if (Is_reg_memb_mess(type)) {
    view(type, sender, group_count, kind);
  } else if (Is_caused_leave_mess(type)) {
    begin("selfleave");
    field("group", sender);
    end();
  } else {
    fprintf(stderr, "client %s: a message of the type 0x%x\n", label, type);
  }
}

/* ---- the run ---- */

static int awaits_view(void) {
  for (int i = 0; i < option.groups; i++)
    if (is_joining[i]) return 1;
  return 0;
}

/* A send must not block: whoever does not read meanwhile may wait for ever for a daemon that was killed. */
static int is_congested(void) {
  int waiting = 0;
  return ioctl(mbox, SIOCOUTQ, &waiting) == 0 && waiting > 200000;
}

static void act(void) {
  if (awaits_view()) return;
  if (!is_calm && !option.stays && below(200) == 0) {
    int group = 1 + below(option.groups - 1);
    if (is_member[group]) leave(group);
    else join(group);
    return;
  }
  if (!is_calm && !option.stays && below(5000) == 0) {
    begin("closed");
    number("rc", 0);
    end();
    SP_disconnect(mbox);
    is_open = 0;
    return;
  }
  int burst = is_calm ? 1 : 1 + (below(20) == 0 ? below(50) : 0);
  for (int i = 0; i < burst && is_open && !is_congested(); i++) send_message();
}

static void run(void) {
  int64_t next = now();
  while (!is_over) {
    if (!is_open) {
      open_session();
      continue;
    }
    int64_t wait = is_quiet ? 100000000 : next - now();
    struct pollfd readable = {.fd = mbox, .events = POLLIN};
    struct timespec limit = {0, wait < 0 ? 0 : wait > 100000000 ? 100000000 : wait};
    int ready = ppoll(&readable, 1, &limit, NULL);
    if (ready > 0) receive();
    if (!is_open || is_quiet || now() < next) continue;
    act();
    next = now() + (int64_t)(is_calm ? 200000 : option.interval) * (500 + below(1000));
  }
}

static void on_signal(int number) {
  if (number == SIGUSR1) is_calm = 1;
  if (number == SIGUSR2) is_quiet = 1;
  if (number == SIGTERM) is_over = 1;
}

static void parse(int count, char **words) {
  for (int i = 1; i + 1 < count; i += 2) {
    const char *key = words[i], *value = words[i + 1];
    if (!strcmp(key, "--address")) option.address = value;
    else if (!strcmp(key, "--name")) option.name = value;
    else if (!strcmp(key, "--daemon")) option.daemon = value;
    else if (!strcmp(key, "--trace")) option.trace = value;
    else if (!strcmp(key, "--seed")) option.seed = strtoull(value, NULL, 0);
    else if (!strcmp(key, "--interval")) option.interval = atol(value);
    else if (!strcmp(key, "--largest")) option.largest = atoi(value);
    else if (!strcmp(key, "--stays")) option.stays = atoi(value);
    else if (!strcmp(key, "--discards")) option.discards = atoi(value);
    else if (!strcmp(key, "--groups")) option.groups = atoi(value);
    else die(key);
  }
  if (!option.address || !option.name || !option.daemon || !option.trace) die("--address, --name, --daemon, --trace");
  if (option.groups < 2 || option.groups > most_groups || option.largest > 100000) die("--groups, --largest");
}

int main(int count, char **words) {
  parse(count, words);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  trace = fopen(option.trace, "w");
  if (!trace) die(option.trace);
  setvbuf(trace, NULL, _IOFBF, 1 << 20);
  run();
  fclose(trace);
  while (1) pause();
}
