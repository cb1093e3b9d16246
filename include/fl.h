/*
 * The Flush interface of Spread: groups with extended virtual synchrony. A new view is installed only after every
 * member agreed to it with FL_flush, so members that move together have received the same messages in the old view.
 *
 * Use a mailbox of FL_connect with these functions only; every member of a group must speak Flush.
 */
#ifndef SPREAD_FL_H
#define SPREAD_FL_H

#include "sp.h"

#define DONT_BLOCK 0x10000000     /* input of the receiving calls: WOULD_BLOCK instead of waiting */
#define FLUSH_REQ_MESS 0x20000000 /* a message that asks for FL_flush */
#define SUBGROUP_CAST 0x40000000  /* sent to some members of a group */

#define Is_flush_req_mess(type) (((type) & FLUSH_REQ_MESS) != 0)
#define Is_subgroup_mess(type) (((type) & SUBGROUP_CAST) != 0)

#define ILLEGAL_PARAM (-24)
#define WOULD_BLOCK (-25)
#define ILLEGAL_MESSAGE_TYPE (-26)
#define ILLEGAL_STATE (-27)
#define ILLEGAL_RECEIVERS (-28)

#define FL_MAX_SCATTER_ELEMENTS 99                 /* one element is kept for the library */
#define FL_MIN_LEGAL_MESS_TYPE ((int16)(-32765))   /* smaller message types are Flush's own */

#ifdef __cplusplus
extern "C" {
#endif

/* Once per process, before threads. */
int FL_lib_init(void);
void FL_version(int *major, int *minor, int *patch);

int FL_connect(const char *daemon, const char *user, int priority, mailbox *mbox, char *private_group);
int FL_disconnect(mailbox mbox);
int FL_join(mailbox mbox, const char *group);
int FL_leave(mailbox mbox, const char *group);

/* Agrees to the next view of the group, after FLUSH_REQ_MESS. */
int FL_flush(mailbox mbox, const char *group);

/* Sending to a member, to some members, to all members of a group. */
int FL_unicast(mailbox mbox, service service_type, const char *group, const char *receiver, int16 mess_type,
               int length, const char *data);
int FL_scat_unicast(mailbox mbox, service service_type, const char *group, const char *receiver, int16 mess_type,
                    const scatter *pieces);
int FL_subgroupcast(mailbox mbox, service service_type, const char *group, int num_receivers,
                    char receivers[][MAX_GROUP_NAME], int16 mess_type, int length, const char *data);
int FL_scat_subgroupcast(mailbox mbox, service service_type, const char *group, int num_receivers,
                         char receivers[][MAX_GROUP_NAME], int16 mess_type, const scatter *pieces);
int FL_multicast(mailbox mbox, service service_type, const char *group, int16 mess_type, int length,
                 const char *data);
int FL_scat_multicast(mailbox mbox, service service_type, const char *group, int16 mess_type,
                      const scatter *pieces);

/* As SP_receive; `*more` is the number of messages that wait inside the library: receive until it is 0. */
int FL_receive(mailbox mbox, service *service_type, char *sender, int max_groups, int *num_groups,
               char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch, int max_length, char *data,
               int *more);
int FL_scat_receive(mailbox mbox, service *service_type, char *sender, int max_groups, int *num_groups,
                    char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch, scatter *pieces,
                    int *more);
int FL_more_msgs(mailbox mbox);
int FL_poll(mailbox mbox);
void FL_error(int code);

/* Offsets in the body of a view message: group id 12, member count 4, names 32 each. */
int FL_get_gid_offset_memb_mess(void);
int FL_get_num_vs_offset_memb_mess(void);
int FL_get_vs_set_offset_memb_mess(void);

#ifdef __cplusplus
}
#endif

#endif
