/* Uses the library without a daemon: its version, and that nobody answers at an address. */
#include <sp.h>
#include <stdio.h>

int main(void) {
  int major = 0, minor = 0, patch = 0;
  mailbox box;
  char name[MAX_GROUP_NAME];
  sp_time limit = {2, 0};
  if (!SP_version(&major, &minor, &patch)) return 1;
  printf("library %d.%d.%d, connect %d\n", major, minor, patch,
         SP_connect_timeout("1@127.0.0.1", "nobody", 0, 0, &box, name, limit));
  return 0;
}
