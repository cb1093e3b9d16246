/* A network switch that loses, doubles, delays and reorders frames: kernels without the netem queue discipline are common
 * on build hosts. Makes a device eth0 in each namespace and forwards frames between them.
 *
 *   switch SEED NAMESPACE...
 *
 * Commands on standard input, one a line; each is answered by a line when it holds. Most are the words of a schedule
 * (Sources/SpreadSim/Schedule.swift), so what the simulator does to datagrams is done here to frames:
 *   port N                       packets go to the UDP port N, N + 2, ..., tokens to the one after each
 *   loss TOKEN DATA MEMBERSHIP HURRY, duplicate P, swap P, late P, miss P: probabilities per frame and receiver
 *   delay FLOOR MEAN             seconds           order kept|free
 *   cut d1>d2 d2>d1              these links carry nothing; heal undoes it, cuts on one link add up
 *   divide K0 K1 ...             the component of each namespace; frames stay inside
 *   sites K0 K1 ...              the site of each namespace; inside a site nothing is lost or delayed
 *   calm                         no faults but the delay, and all links whole
 * Ends with its standard input. Only UDP suffers: without the resolution of addresses nothing would work. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { most_ports = 16, largest_frame = 1600, most_waiting = 8192 };

struct frame {
  int64_t due, number;
  int port, size;
  unsigned char bytes[largest_frame];
};

enum class { token, data, membership, hurry, classes };

static int ports, device[most_ports], component[most_ports], site[most_ports], has_sites;
static unsigned char address[most_ports][6];
static int first_port = 4803, keeps_order;
static double loss[classes], duplicate, swap, late, miss;
/* Nanoseconds. */
static double delay_floor, delay_mean;
/* By link: how many cuts lie on it, and when its last frame arrives. */
static int cuts[most_ports][most_ports];
static int64_t last_arrival[most_ports][most_ports];
/* Every link and class draws from a stream of its own, equally often for each frame. */
static uint64_t stream[most_ports][most_ports][classes];
static int64_t counter;
/* A heap, earliest first. */
static struct frame *waiting[most_waiting];
static int count;
static long passed, lost, doubled;

static uint64_t next_bits(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
/* 0 <= x < 1 */
static double draw(uint64_t *state) { return (double)(next_bits(state) >> 11) * 0x1p-53; }

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int open_device(const char *namespace) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int space = open(path, O_RDONLY);
  if (space < 0 || setns(space, CLONE_NEWNET) < 0) die(path);
  close(space);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strcpy(request.ifr_name, "eth0");
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) die("/dev/net/tun");
  return fd;
}

/* ---- waiting frames ---- */

static int is_earlier(const struct frame *a, const struct frame *b) {
  return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void push(struct frame *frame) {
  int at = count++;
  for (; at > 0 && is_earlier(frame, waiting[(at - 1) / 2]); at = (at - 1) / 2) waiting[at] = waiting[(at - 1) / 2];
  waiting[at] = frame;
}

static struct frame *pop(void) {
  struct frame *first = waiting[0], *last = waiting[--count];
  int at = 0, child;
  while ((child = 2 * at + 1) < count) {
    if (child + 1 < count && is_earlier(waiting[child + 1], waiting[child])) child++;
    if (!is_earlier(waiting[child], last)) break;
    waiting[at] = waiting[child];
    at = child;
  }
  waiting[at] = last;
  return first;
}

static void put(int port, const unsigned char *bytes, int size) {
  /* A full device loses the frame, as networks do. */
  if (write(device[port], bytes, (size_t)size) < 0) lost++;
  else passed++;
}

static void deliver(int port, const unsigned char *bytes, int size, int64_t due, int64_t time) {
  if (due <= time) return put(port, bytes, size);
  struct frame *frame = count < most_waiting ? malloc(sizeof *frame) : NULL;
  if (!frame) {
    lost++;
    return;
  }
  *frame = (struct frame){.due = due, .number = counter++, .port = port, .size = size};
  memcpy(frame->bytes, bytes, (size_t)size);
  push(frame);
}

static int64_t arrival(int from, int to, double share, int overtaken, int64_t time) {
  int64_t due = time + (int64_t)(delay_floor - log(1 - share) * delay_mean), *last = &last_arrival[from][to];
  if (!keeps_order) return due;
  if (overtaken) return (due > *last ? due : *last) + (int64_t)(2 * delay_mean) + 1;
  if (due < *last) due = *last;
  return *last = due;
}

/* What a frame carries; -1: not UDP. Only tokens are larger than a frame and come in fragments. */
static int classify(const unsigned char *bytes, int size) {
  int version = bytes[12] == 0x08 && bytes[13] == 0x00 ? 4 : bytes[12] == 0x86 && bytes[13] == 0xdd ? 6 : 0;
  const unsigned char *ip = bytes + 14, *udp;
  if (version == 4) {
    if (size < 34 || ip[9] != 17) return -1;
    if ((ip[6] & 0x3f) || ip[7]) return token;
    udp = ip + 4 * (ip[0] & 15);
  } else if (version == 6) {
    if (size < 54) return -1;
    if (ip[6] == 44) return token;
    if (ip[6] != 17) return -1;
    udp = ip + 40;
  } else {
    return -1;
  }
  if (udp + 12 > bytes + size) return -1;
  int port = udp[2] << 8 | udp[3];
  if (port < first_port) return data;
  if ((port - first_port) % 2) return token;
  /* The type word in the sender's byte order: the bits of membership and hurry packets. */
  int is_little = udp[8] & 0x80;
  if (udp[is_little ? 9 : 10] & 0x07) return membership;
  return udp[is_little ? 8 : 11] & 0x40 ? hurry : data;
}

static void send_to(int from, int to, const unsigned char *bytes, int size, int64_t time) {
  if (cuts[from][to]) return;
  int class = classify(bytes, size);
  if (class < 0 || (has_sites && site[from] == site[to])) return deliver(to, bytes, size, time, time);
  uint64_t *state = &stream[from][to][class];
  double share[8];
  for (int i = 0; i < 8; i++) share[i] = draw(state);
  if (share[0] < loss[class] || ((bytes[0] & 1) && share[1] < miss)) {
    lost++;
    return;
  }
  int64_t due = arrival(from, to, share[2], share[3] < swap, time);
  if (class != token && share[4] < late) due += (int64_t)(share[5] * 5e9);
  deliver(to, bytes, size, due, time);
  if (share[6] < duplicate) {
    doubled++;
    deliver(to, bytes, size, arrival(from, to, share[7], 0, time), time);
  }
}

static void forward(int from, const unsigned char *bytes, int size) {
  int64_t time = now();
  memcpy(address[from], bytes + 6, 6);
  int to = -1;
  for (int i = 0; i < ports && !(bytes[0] & 1); i++)
    if (i != from && !memcmp(address[i], bytes, 6)) to = i;
  for (int i = 0; i < ports; i++)
    if (i != from && (to < 0 || i == to) && component[i] == component[from]) send_to(from, i, bytes, size, time);
}

/* ---- commands ---- */

static void change_cuts(char *words, int change) {
  for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
    int a, b;
    if (sscanf(word, "d%d>d%d", &a, &b) == 2 && a > 0 && b > 0 && a <= ports && b <= ports) cuts[a - 1][b - 1] += change;
  }
}

static void calm(void) {
  memset(loss, 0, sizeof loss);
  memset(cuts, 0, sizeof cuts);
  memset(component, 0, sizeof component);
  duplicate = swap = late = miss = 0;
}

static void command(char *line) {
  char *rest = strchr(line, ' ');
  int length = (int)(rest ? rest - line : (long)strlen(line));
  rest = rest ? rest + 1 : line + length;
#define is(word) (length == sizeof word - 1 && !memcmp(line, word, sizeof word - 1))
  if (is("port")) first_port = atoi(rest);
  else if (is("loss")) sscanf(rest, "%lf %lf %lf %lf", &loss[0], &loss[1], &loss[2], &loss[3]);
  else if (is("duplicate")) duplicate = atof(rest);
  else if (is("swap")) swap = atof(rest);
  else if (is("late")) late = atof(rest);
  else if (is("miss")) miss = atof(rest);
  else if (is("order")) keeps_order = !strcmp(rest, "kept");
  else if (is("cut")) change_cuts(rest, 1);
  else if (is("heal")) change_cuts(rest, -1);
  else if (is("calm")) calm();
  else if (is("delay") && sscanf(rest, "%lf %lf", &delay_floor, &delay_mean) == 2) delay_floor *= 1e9, delay_mean *= 1e9;
  else if (is("divide"))
    for (int i = 0; i < ports; i++) component[i] = (int)strtol(rest, &rest, 10);
  else if (is("sites"))
    for (int i = 0; i < ports; i++, has_sites = 1) site[i] = (int)strtol(rest, &rest, 10);
#undef is
  printf("%ld passed, %ld lost, %ld doubled\n", passed, lost, doubled);
  fflush(stdout);
}

static void read_commands(void) {
  static char buffer[4096];
  static size_t used;
  ssize_t got = read(0, buffer + used, sizeof buffer - used - 1);
  if (got <= 0) exit(0);
  used += (size_t)got;
  buffer[used] = 0;
  char *end;
  while ((end = strchr(buffer, '\n'))) {
    *end = 0;
    command(buffer);
    used -= (size_t)(end + 1 - buffer);
    memmove(buffer, end + 1, used + 1);
  }
}

int main(int words, char **word) {
  if (words < 3 || words - 2 > most_ports) return 2;
  uint64_t seed = strtoull(word[1], NULL, 0);
  for (int i = 0; i < most_ports * most_ports * classes; i++) ((uint64_t *)stream)[i] = next_bits(&seed);
  for (ports = 0; ports < words - 2; ports++) device[ports] = open_device(word[ports + 2]);
  printf("ready\n");
  fflush(stdout);
  struct pollfd set[most_ports + 1] = {{.fd = 0, .events = POLLIN}};
  for (int i = 0; i < ports; i++) set[i + 1] = (struct pollfd){.fd = device[i], .events = POLLIN};
  unsigned char bytes[65536];
  while (1) {
    int64_t wait = count ? waiting[0]->due - now() : 1000000000;
    struct timespec limit = {wait > 0 ? wait / 1000000000 : 0, wait > 0 ? wait % 1000000000 : 0};
    ppoll(set, (nfds_t)ports + 1, &limit, NULL);
    for (int64_t time = now(); count && waiting[0]->due <= time;) {
      struct frame *frame = pop();
      put(frame->port, frame->bytes, frame->size);
      free(frame);
    }
    for (int i = 0; i < ports; i++) {
      ssize_t size;
      for (int k = 0; k < 32 && (size = read(device[i], bytes, sizeof bytes)) > 0; k++)
        if (size >= 14 && size <= largest_frame) forward(i, bytes, (int)size);
    }
    if (set[0].revents) read_commands();
  }
}
