/* Entry points of fl.h that cannot be declared in Swift (see shims.c). */

#include "CSpreadShims.h"

#include <fl.h>

int FL_subgroupcast(mailbox mbox, service service_type, const char *group, int num_receivers,
                    char receivers[][MAX_GROUP_NAME], int16 mess_type, int length, const char *data) {
  return spi_fl_subgroupcast(mbox, service_type, group, num_receivers, receivers, mess_type, length, data);
}

int FL_scat_subgroupcast(mailbox mbox, service service_type, const char *group, int num_receivers,
                         char receivers[][MAX_GROUP_NAME], int16 mess_type, const scatter *pieces) {
  return spi_fl_scat_subgroupcast(mbox, service_type, group, num_receivers, receivers, mess_type, pieces);
}

int FL_receive(mailbox mbox, service *service_type, char *sender, int max_groups, int *num_groups,
               char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch, int max_length, char *data,
               int *more) {
  return spi_fl_receive(mbox, service_type, sender, max_groups, num_groups, groups, mess_type, endian_mismatch,
                        max_length, data, more);
}

int FL_scat_receive(mailbox mbox, service *service_type, char *sender, int max_groups, int *num_groups,
                    char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch, scatter *pieces,
                    int *more) {
  return spi_fl_scat_receive(mbox, service_type, sender, max_groups, num_groups, groups, mess_type, endian_mismatch,
                             pieces, more);
}

/* Through the Alarm printer, as programs expect to redirect it. */
void FL_error(int code) {
  static char format[] = "FL_error: (%d) %s\n";
  const char *text = spi_fl_error_text(code);
  if (text)
    Alarm(ALARM_PRINT, format, code, text);
  else
    SP_error(code);
}
