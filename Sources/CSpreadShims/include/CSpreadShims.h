/*
 * What the C side of the library and its Swift side owe each other. Private: not installed.
 *
 * spi_ functions are Swift (SpreadABI), hidden in the library; the entry points of sp.h that Swift cannot declare
 * (arrays of char[32]) call them. Types of sp.h appear as void here, because the header is imported on its own.
 */
#ifndef SPREAD_CSPREADSHIMS_H
#define SPREAD_CSPREADSHIMS_H

#include "events_sys.h"
#include "spread_alarm.h"

/* Exported by every Spread library and declared in no header; they never did anything (c-api 10.2). */
int SP_query_groups(int mbox, int max_groups, char *groups[32]);
int SP_query_members(int mbox, char *group, int max_members, char *members[32]);

/* Names are arrays of 32 bytes each; `pieces` and `body` are scatter of sp.h, `set` is vs_set_info. */
int spi_multigroup_multicast(int mbox, int service_type, int num_groups, const void *groups, short mess_type,
                             int length, const char *data);
int spi_multigroup_scat_multicast(int mbox, int service_type, int num_groups, const void *groups, short mess_type,
                                  const void *pieces);
int spi_receive(int mbox, int *service_type, void *sender, int max_groups, int *num_groups, void *groups,
                short *mess_type, int *endian_mismatch, int max_length, void *data);
int spi_scat_receive(int mbox, int *service_type, void *sender, int max_groups, int *num_groups, void *groups,
                     short *mess_type, int *endian_mismatch, void *pieces);
int spi_get_vs_set_members(const char *body, const void *set, void *names, int max_names);
int spi_scat_get_vs_set_members(const void *body, const void *set, void *names, int max_names);

int spi_fl_subgroupcast(int mbox, int service_type, const char *group, int num_receivers, const void *receivers,
                        short mess_type, int length, const char *data);
int spi_fl_scat_subgroupcast(int mbox, int service_type, const char *group, int num_receivers, const void *receivers,
                             short mess_type, const void *pieces);
int spi_fl_receive(int mbox, int *service_type, void *sender, int max_groups, int *num_groups, void *groups,
                   short *mess_type, int *endian_mismatch, int max_length, void *data, int *more);
int spi_fl_scat_receive(int mbox, int *service_type, void *sender, int max_groups, int *num_groups, void *groups,
                        short *mess_type, int *endian_mismatch, void *pieces, int *more);
/* NULL for codes that SP_strerror knows. */
const char *spi_fl_error_text(int code);

void spi_prepare_fork(void);
void spi_parent_after_fork(void);
void spi_child_after_fork(void);

#endif
