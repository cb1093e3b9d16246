/* Load for a Spread daemon through the public library only; numbers as one line of JSON. Benchmarks/bench.py builds it
 * against each side's own library and runs it.
 *
 *   load flow ADDRESSES SENDERS RECEIVERS BYTES SERVICE SECONDS
 *       senders to one group, every receiver gets everything. Checks: per sender no gap, the same order everywhere.
 *   load self ADDRESS BYTES SECONDS
 *       one client, one message to its own group at a time: microseconds until it is back
 *   load pace ADDRESS GROUP BYTES SERVICE INTERVAL COUNT
 *       one message each INTERVAL microseconds, with the time in it
 *   load watch ADDRESS GROUP COUNT
 *       joins, says so, and tells how old the messages were when they came, in milliseconds, and their rate
 *   load views ADDRESS GROUP
 *       joins, and prints for each membership message when it came (nanoseconds of the monotonic clock) and its size
 *   load hold ADDRESS CLIENTS connect|join|unread
 *       connects, and joins one group without or with (unread) membership messages; waits for the end of its input
 *
 * ADDRESSES: separated by commas; clients are spread over them. A sender is at most WINDOW messages ahead of the slowest
 * receiver, so that no daemon has reason to drop one. */
#define _GNU_SOURCE
#include <poll.h>
#include <sp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 512, PER_PROCESS = 16, DATA = 2, END = 3, LIMIT_SECONDS = 60 };

/* What every message begins with. */
struct mark {
    uint32_t sender, number;
};

struct receiver {
    _Alignas(64) atomic_uint got[64]; /* by sender */
    atomic_uint all, ended, gaps;
    atomic_ullong order, last;
    atomic_int ready;
};

static struct shared {
    atomic_int ready, go, failed;
    atomic_ullong begin;
    struct receiver receivers[MOST];
} *shared;

static char *addresses[MOST];
static int address_count;
static char group[32], body[200000], name_room[MOST][MAX_GROUP_NAME];

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void fail(const char *what, int code) {
    fprintf(stderr, "load: %s: %d\n", what, code);
    if (shared) atomic_store(&shared->failed, 1);
    exit(1);
}

static mailbox connect_client(int number, char letter, int membership, char *private_name) {
    char user[16];
    mailbox box;
    int result = 0;
    snprintf(user, sizeof user, "%c%d", letter, number);
    for (int attempt = 0; attempt < 50; attempt++) { /* a short listen queue may turn some away */
        sp_time limit = {5, 0};
        result = SP_connect_timeout(addresses[number % address_count], user, 0, membership, &box, private_name, limit);
        if (result == ACCEPT_SESSION) return box;
        usleep(20000);
    }
    fail("connect", result);
    return -1;
}

/* The next message; its length. */
static int receive(mailbox box, int16 *type, struct mark *mark) {
    service service = 0;
    char sender[MAX_GROUP_NAME];
    int count, swapped;
    int result = SP_receive(box, &service, sender, MOST, &count, name_room, type, &swapped, sizeof body, body);
    if (result < 0) fail("receive", result);
    if (!Is_regular_mess(service)) *type = 0;
    memcpy(mark, body, sizeof *mark);
    return result;
}

/* ---- flow ---- */

static void take(struct receiver *me, mailbox box) {
    int16 type;
    struct mark mark;
    receive(box, &type, &mark);
    if (type == END) atomic_fetch_add(&me->ended, 1);
    if (type != DATA || mark.sender >= 64) return;
    if (mark.number != atomic_load(&me->got[mark.sender])) atomic_fetch_add(&me->gaps, 1);
    atomic_store(&me->got[mark.sender], mark.number + 1);
    atomic_fetch_add(&me->all, 1);
    atomic_store(&me->order, (atomic_load(&me->order) ^ (mark.sender * 1000003u + mark.number)) * 0x100000001b3ull);
    atomic_store(&me->last, now());
}

static void receivers(int from, int count, int senders) {
    struct pollfd boxes[PER_PROCESS];
    char name[MAX_GROUP_NAME];
    for (int i = 0; i < count; i++) {
        boxes[i] = (struct pollfd){connect_client(from + i, 'r', 0, name), POLLIN, 0};
        if (SP_join(boxes[i].fd, group) < 0) fail("join", from + i);
    }
    for (int left = count; left > 0;) {
        if (poll(boxes, count, 1000 * LIMIT_SECONDS) <= 0) fail("nothing comes", left);
        for (int i = 0; i < count; i++) {
            struct receiver *me = &shared->receivers[from + i];
            if (!(boxes[i].revents & (POLLIN | POLLHUP | POLLERR))) continue;
            for (int burst = 0; burst < 64; burst++) { /* as programs do: until nothing is left, but not for ever */
                take(me, boxes[i].fd);
                if (!atomic_load(&me->ready)) {
                    atomic_store(&me->ready, 1);
                    atomic_fetch_add(&shared->ready, 1);
                }
                if (SP_poll(boxes[i].fd) <= 0) break;
            }
            if (atomic_load(&me->ended) == (unsigned)senders) {
                boxes[i].fd = -boxes[i].fd - 1; /* poll() leaves it out */
                left--;
            }
        }
    }
}

static uint32_t slowest(int count, int sender) {
    uint32_t least = UINT32_MAX;
    for (int i = 0; i < count; i++) {
        uint32_t got = atomic_load_explicit(&shared->receivers[i].got[sender], memory_order_relaxed);
        if (got < least) least = got;
    }
    return least;
}

static void sender(int me, int count, int bytes, int service, double seconds, int window) {
    char name[MAX_GROUP_NAME];
    mailbox box = connect_client(me, 's', 0, name);
    struct mark mark = {me, 0};
    char *message = calloc(1, bytes + sizeof mark);
    /* Joins are in effect once every receiver has seen something. */
    while (me == 0 && atomic_load(&shared->ready) < count) {
        if (SP_multicast(box, AGREED_MESS, group, 1, sizeof mark, message) < 0) fail("send", me);
        usleep(5000);
    }
    if (me == 0) {
        usleep(50000);
        atomic_store(&shared->begin, now());
        atomic_store(&shared->go, 1);
    }
    while (!atomic_load(&shared->go) && !atomic_load(&shared->failed)) usleep(500);
    uint64_t end = atomic_load(&shared->begin) + (uint64_t)(seconds * 1e9);
    while (now() < end && !atomic_load(&shared->failed)) {
        if (mark.number >= slowest(count, me) + (uint32_t)window) {
            usleep(50);
            continue;
        }
        memcpy(message, &mark, sizeof mark);
        int result = SP_multicast(box, service, group, DATA, bytes, message);
        if (result < 0) fail("send", result);
        mark.number++;
    }
    if (SP_multicast(box, service, group, END, sizeof mark, message) < 0) fail("send", me);
    /* Leaving early must not overtake: wait until everybody has all of mine. */
    for (int i = 0; i < LIMIT_SECONDS * 1000 && slowest(count, me) < mark.number; i++) usleep(1000);
    SP_disconnect(box);
}

static int flow(int senders, int count, int bytes, int service, double seconds) {
    if (senders > 64 || count > MOST) fail("too many", count);
    int window = (int)(3000000.0 / (bytes + 64)), status, bad = 0;
    if (window > 400) window = 400;
    if (window < 8) window = 8;
    window = window / senders > 1 ? window / senders : 2;
    pid_t pid;
    for (int from = 0; from < count; from += PER_PROCESS)
        if (fork() == 0) {
            receivers(from, count - from < PER_PROCESS ? count - from : PER_PROCESS, senders);
            exit(0);
        }
    for (int i = 0; i < senders; i++)
        if (fork() == 0) {
            sender(i, count, bytes, service, seconds, window);
            exit(0);
        }
    while ((pid = wait(&status)) > 0) bad |= status;
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    uint64_t last = 0;
    unsigned messages = atomic_load(&shared->receivers[0].all);
    for (int i = 0; i < count; i++) {
        struct receiver *r = &shared->receivers[i];
        if (atomic_load(&r->last) > last) last = atomic_load(&r->last);
        if (atomic_load(&r->gaps) || atomic_load(&r->all) != messages) bad = 1;
        if (service & (AGREED_MESS | SAFE_MESS) && r->order != shared->receivers[0].order) bad = 1;
    }
    double took = (last - atomic_load(&shared->begin)) / 1e9;
    printf("{\"ok\": %s, \"messages\": %u, \"deliveries\": %u, \"seconds\": %.4f, \"client_cpu\": %.4f}\n",
           bad ? "false" : "true", messages, messages * count, took, cpu);
    return bad != 0;
}

/* ---- self, hold ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int self(int bytes, double seconds) {
    static double times[1000000];
    int count = 0;
    char name[MAX_GROUP_NAME];
    mailbox box = connect_client(0, 'm', 0, name);
    SP_join(box, group);
    for (uint64_t end = now() + (uint64_t)(seconds * 1e9), at; (at = now()) < end && count < 1000000;) {
        int16 type = 0;
        struct mark mark;
        if (SP_multicast(box, AGREED_MESS, group, DATA, bytes, body) < 0) fail("send", count);
        while (type != DATA) receive(box, &type, &mark);
        times[count++] = (now() - at) / 1e3;
    }
    SP_disconnect(box);
    if (count == 0) fail("nothing came back", 0);
    qsort(times, count, sizeof *times, compare);
    printf("{\"ok\": true, \"deliveries\": %d, \"p50\": %.1f, \"p99\": %.1f}\n", count, times[count / 2],
           times[(int)((long)count * 99 / 100)]);
    return 0;
}

/* ---- pace, watch: the two ends of a path between sites ---- */

static int pace(const char *to, int bytes, int service, int interval, int count) {
    char name[MAX_GROUP_NAME];
    mailbox box = connect_client(0, 'p', 0, name);
    uint64_t begin = now();
    for (int i = 0; i < count; i++) {
        while (now() < begin + (uint64_t)i * interval * 1000) usleep(interval < 500 ? 50 : 200);
        uint64_t at = now();
        memcpy(body, &at, sizeof at);
        if (SP_multicast(box, service, to, DATA, bytes, body) < 0) fail("send", i);
    }
    /* A session that ends does not end what it sent, but a daemon may be slow to take it. */
    sleep(3);
    SP_disconnect(box);
    return 0;
}

static int watch(const char *from, int count) {
    static double ages[1000000];
    char name[MAX_GROUP_NAME];
    mailbox box = connect_client(0, 'w', 0, name);
    if (count > 1000000 || SP_join(box, from) < 0) fail("join", count);
    printf("watching\n");
    fflush(stdout);
    uint64_t first = 0, at = 0;
    for (int i = 0; i < count;) {
        int16 type = 0;
        struct mark mark;
        uint64_t sent;
        if (receive(box, &type, &mark) < 0 || type != DATA) continue;
        at = now();
        if (i == 0) first = at;
        memcpy(&sent, body, sizeof sent);
        ages[i++] = (at - sent) / 1e6;
    }
    SP_disconnect(box);
    qsort(ages, count, sizeof *ages, compare);
    printf("{\"ok\": true, \"deliveries\": %d, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"most\": %.3f, \"rate\": %.1f}\n",
           count, ages[count / 2], ages[(int)((long)count * 9 / 10)], ages[(int)((long)count * 99 / 100)], ages[count - 1],
           (count - 1) / ((at - first) / 1e9));
    return 0;
}

static int views(const char *of) {
    sp_time limit = {5, 0};
    char name[MAX_GROUP_NAME], user[16];
    mailbox box;
    snprintf(user, sizeof user, "v%d", (int)getpid() % 1000000);
    /* The daemon may be starting. */
    for (int i = 0; SP_connect_timeout(addresses[0], user, 0, 1, &box, name, limit) != ACCEPT_SESSION; i++) {
        if (i == 2000) fail("connect", i);
        usleep(2000);
    }
    if (SP_join(box, of) < 0) fail("join", 0);
    for (;;) {
        service kind = 0;
        char sender[MAX_GROUP_NAME];
        int count, swapped;
        int16 type;
        if (SP_receive(box, &kind, sender, MOST, &count, name_room, &type, &swapped, sizeof body, body) < 0) return 1;
        if (!Is_reg_memb_mess(kind)) continue;
        printf("%llu %d\n", (unsigned long long)now(), count);
        fflush(stdout);
    }
}

static int hold(int count, const char *how) {
    static mailbox boxes[MOST];
    char name[MAX_GROUP_NAME];
    if (count > MOST) fail("too many", count);
    uint64_t begin = now();
    for (int i = 0; i < count; i++) {
        boxes[i] = connect_client(i, 'h', strcmp(how, "unread") == 0, name);
        if (strcmp(how, "connect") != 0 && SP_join(boxes[i], group) < 0) fail("join", i);
    }
    printf("{\"ok\": true, \"connected\": %d, \"seconds\": %.4f}\n", count, (now() - begin) / 1e9);
    fflush(stdout);
    while (getchar() != EOF) {}
    for (int i = 0; i < count; i++) SP_disconnect(boxes[i]);
    return 0;
}

static int service_named(const char *name) {
    return !strcmp(name, "reliable") ? RELIABLE_MESS : !strcmp(name, "fifo") ? FIFO_MESS
           : !strcmp(name, "safe") ? SAFE_MESS : AGREED_MESS;
}

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "usage: see the head of load.c\n");
        return 2;
    }
    for (char *word = strtok(words[2], ","); word && address_count < MOST; word = strtok(NULL, ","))
        addresses[address_count++] = word;
    snprintf(group, sizeof group, "bench-%d", (int)getpid());
    prctl(PR_SET_TIMERSLACK, 1000ul);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("mmap", 0);
    if (!strcmp(words[1], "flow") && count == 8)
        return flow(atoi(words[3]), atoi(words[4]), atoi(words[5]), service_named(words[6]), atof(words[7]));
    if (!strcmp(words[1], "self") && count == 5) return self(atoi(words[3]), atof(words[4]));
    if (!strcmp(words[1], "pace") && count == 8)
        return pace(words[3], atoi(words[4]), service_named(words[5]), atoi(words[6]), atoi(words[7]));
    if (!strcmp(words[1], "watch") && count == 5) return watch(words[3], atoi(words[4]));
    if (!strcmp(words[1], "views") && count == 4) return views(words[3]);
    if (!strcmp(words[1], "hold") && count == 5) return hold(atoi(words[3]), words[4]);
    fprintf(stderr, "load: no mode %s\n", words[1]);
    return 2;
}
