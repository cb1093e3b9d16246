/* Waits until a daemon serves clients: 0 once a connect succeeds, 1 with the last error after SECONDS.
   usage: ready ADDRESS SECONDS */
#include <sp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
  sp_time limit = {5, 0};
  struct timespec pause = {0, 50000000};
  char private_group[MAX_GROUP_NAME];
  mailbox mbox;
  time_t end;
  int result;
  if (argc != 3) return 64;
  end = time(NULL) + atoi(argv[2]);
  do {
    result = SP_connect_timeout(argv[1], NULL, 0, 0, &mbox, private_group, limit);
    if (result == ACCEPT_SESSION) return SP_disconnect(mbox);
    nanosleep(&pause, NULL);
  } while (time(NULL) < end);
  SP_error(result);
  return 1;
}
