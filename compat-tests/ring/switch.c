/* A network switch that loses, doubles and delays frames: kernels without the netem queue discipline are common on build
 * hosts. Makes a device eth0 in each namespace and forwards frames between them.
 *
 *   switch SEED NAMESPACE...
 *
 * Commands on standard input, one a line; each is answered by a line when it holds:
 *   faults LOSS DOUBLE DELAY     frames lost and doubled in 10000 (each receiver apart), mean delay in microseconds
 *   divide K0 K1 ...             the component of each namespace; frames stay inside
 * Ends with its standard input. Only IP frames suffer: without address resolution nothing would work. */
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

static int ports, device[most_ports], component[most_ports];
static unsigned char address[most_ports][6];
static int loss, doubles, delay;
static uint64_t seed;
static int64_t counter;
/* A heap, earliest first. */
static struct frame *waiting[most_waiting];
static int count;
static long passed, lost, doubled;

static uint64_t random_bits(void) {
  uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static int chance(int in_10000) { return (int)(random_bits() % 10000) < in_10000; }

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

static void deliver(int port, const unsigned char *bytes, int size, int64_t time) {
  if (delay == 0) return put(port, bytes, size);
  struct frame *frame = count < most_waiting ? malloc(sizeof *frame) : NULL;
  if (!frame) {
    lost++;
    return;
  }
  double share = (double)(random_bits() % 1000000 + 1) / 1000000;
  *frame = (struct frame){
      .due = time + (int64_t)(-log(share) * delay * 1000), .number = counter++, .port = port, .size = size};
  memcpy(frame->bytes, bytes, (size_t)size);
  push(frame);
}

static void send_to(int port, const unsigned char *bytes, int size, int64_t time) {
  int is_ip = bytes[12] == 0x08 && bytes[13] == 0x00;
  if (is_ip && chance(loss)) {
    lost++;
    return;
  }
  deliver(port, bytes, size, time);
  if (is_ip && chance(doubles)) {
    doubled++;
    deliver(port, bytes, size, time);
  }
}

static void forward(int from, const unsigned char *bytes, int size) {
  int64_t time = now();
  memcpy(address[from], bytes + 6, 6);
  int to = -1;
  for (int i = 0; i < ports && !(bytes[0] & 1); i++)
    if (i != from && !memcmp(address[i], bytes, 6)) to = i;
  for (int i = 0; i < ports; i++)
    if (i != from && (to < 0 || i == to) && component[i] == component[from]) send_to(i, bytes, size, time);
}

/* ---- commands ---- */

static void command(char *line) {
  if (!strncmp(line, "faults ", 7)) {
    sscanf(line + 7, "%d %d %d", &loss, &doubles, &delay);
  } else if (!strncmp(line, "divide ", 7)) {
    char *rest = line + 7;
    for (int i = 0; i < ports; i++) component[i] = (int)strtol(rest, &rest, 10);
  }
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
  seed = strtoull(word[1], NULL, 0);
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
