/*
 * Entry points of sp.h that cannot be declared in Swift, and the fork handlers. The C compiler checks them against
 * sp.h, the Swift compiler checks what they call against CSpreadShims.h.
 */

#include "CSpreadShims.h"

#include <pthread.h>
#include <sp.h>

int SP_multigroup_multicast(mailbox mbox, service service_type, int num_groups, const char groups[][MAX_GROUP_NAME],
                            int16 mess_type, int length, const char *data) {
  return spi_multigroup_multicast(mbox, service_type, num_groups, groups, mess_type, length, data);
}

int SP_multigroup_scat_multicast(mailbox mbox, service service_type, int num_groups,
                                 const char groups[][MAX_GROUP_NAME], int16 mess_type, const scatter *pieces) {
  return spi_multigroup_scat_multicast(mbox, service_type, num_groups, groups, mess_type, pieces);
}

int SP_receive(mailbox mbox, service *service_type, char sender[MAX_GROUP_NAME], int max_groups, int *num_groups,
               char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch, int max_length, char *data) {
  return spi_receive(mbox, service_type, sender, max_groups, num_groups, groups, mess_type, endian_mismatch,
                     max_length, data);
}

int SP_scat_receive(mailbox mbox, service *service_type, char sender[MAX_GROUP_NAME], int max_groups,
                    int *num_groups, char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch,
                    scatter *pieces) {
  return spi_scat_receive(mbox, service_type, sender, max_groups, num_groups, groups, mess_type, endian_mismatch,
                          pieces);
}

int SP_get_vs_set_members(const char *body, const vs_set_info *set, char names[][MAX_GROUP_NAME], int max_names) {
  return spi_get_vs_set_members(body, set, names, max_names);
}

int SP_scat_get_vs_set_members(const scatter *body, const vs_set_info *set, char names[][MAX_GROUP_NAME],
                               int max_names) {
  return spi_scat_get_vs_set_members(body, set, names, max_names);
}

/* Through the Alarm printer, as programs expect to redirect it. */
void SP_error(int code) {
  static char format[] = "SP_error: (%d) %s\n";
  Alarm(ALARM_PRINT, format, code, SP_strerror(code));
}

/* A fork while another thread holds a lock would leave it locked in the child for ever. */
__attribute__((constructor)) static void watch_forks(void) {
  pthread_atfork(spi_prepare_fork, spi_parent_after_fork, spi_child_after_fork);
}
