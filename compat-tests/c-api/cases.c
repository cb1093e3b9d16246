/*
 * Every row of the table of C API cases (A to K) as a check named by its id, against a live daemon and, for rows C and H,
 * against a scripted server in a child process.
 *
 *   cases [--stock] port@host      port is a daemon that may be talked to over the unix socket /tmp/port as well
 *
 * Prints one line for each failing and each skipped row and the sums. Exit status 0 when nothing failed. With --stock
 * the rows where this project differs from Spread 5.0.1 are checked for what 5.0.1 does.
 * Needs the installed headers and one of the libraries only.
 */

#include "cases.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

int stock = 0;

int main(int count, char **arguments) {
  int at = 1;
  if (at < count && strcmp(arguments[at], "--stock") == 0) {
    stock = 1;
    at++;
  }
  if (at + 1 != count || strchr(arguments[at], '@') == NULL) {
    fprintf(stderr, "usage: cases [--stock] port@host\n");
    return 2;
  }
  daemon_name = arguments[at];
  daemon_port = (unsigned)atoi(daemon_name);
  snprintf(daemon_host, sizeof daemon_host, "%s", strchr(daemon_name, '@') + 1);
  watchdog(30);
  cases_k_first();
  cases_a();
  cases_b();
  cases_c();
  cases_d();
  cases_e();
  cases_f();
  cases_g();
  cases_h();
  cases_i();
  cases_j();
  cases_k();
  return summary();
}
