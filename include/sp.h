/*
 * The client interface of Spread: ordered, reliable multicast to groups with exact membership.
 *
 * Names, values and layouts are those of Spread 5.0.1, so programs and bindings written for it compile and run
 * unchanged. The text is this project's own. Usable from C89 and C++98 on.
 *
 * A mailbox is the descriptor of the socket to the daemon: it may be given to select, poll and epoll. It is readable
 * exactly when a receiving call will make progress.
 *
 * Functions are in sp_func.h, the event loop in sp_events.h (both included here), view-synchronous groups in fl.h.
 */
#ifndef SPREAD_SP_H
#define SPREAD_SP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Macros, not typedefs: existing programs rely on that. */
#define int16 short
#define int32 int

#define Flip_int16(x) ((((x) & 0x00ff) << 8) | (((x) >> 8) & 0x00ff))
#define Flip_int32(x) \
  ((((x) & 0x000000ff) << 24) | (((x) & 0x0000ff00) << 8) | (((x) >> 8) & 0x0000ff00) | (((x) >> 24) & 0x000000ff))

/* ---- Limits ---- */

#define SPREAD_VERSION 0x05000000 /* major, minor and patch in one byte each; 5.0.1 left the patch at 0 */
#define DEFAULT_SPREAD_PORT 4803

#define MAX_GROUP_NAME 32             /* bytes of a name field, the NUL included */
#define MAX_PRIVATE_NAME 10           /* longest name of a user; what is longer is cut */
#define MAX_PROC_NAME 20              /* bytes of a daemon name, the NUL included */
#define MAX_CLIENT_SCATTER_ELEMENTS 100

/* Priorities of the event loop. */
#define LOW_PRIORITY 0
#define MEDIUM_PRIORITY 1
#define HIGH_PRIORITY 2

/* ---- Service type: what is asked of a message, and what kind of message arrived ---- */

#define UNRELIABLE_MESS 0x00000001
#define RELIABLE_MESS 0x00000002
#define FIFO_MESS 0x00000004
#define CAUSAL_MESS 0x00000008
#define AGREED_MESS 0x00000010
#define SAFE_MESS 0x00000020
#define REGULAR_MESS 0x0000003f /* mask of the six services */

#define SELF_DISCARD 0x00000040 /* do not deliver to the sender */
#define DROP_RECV 0x01000000    /* input of the receiving calls: cut what does not fit */

#define CAUSED_BY_JOIN 0x00000100
#define CAUSED_BY_LEAVE 0x00000200
#define CAUSED_BY_DISCONNECT 0x00000400
#define CAUSED_BY_NETWORK 0x00000800
#define REG_MEMB_MESS 0x00001000
#define TRANSITION_MESS 0x00002000
#define MEMBERSHIP_MESS 0x00003f00 /* mask of the causes and kinds above */

#define REJECT_MESS 0x00400000
#define RESERVED 0x003fc000
#define ENDIAN_RESERVED 0x80000080

#define Is_unreliable_mess(type) ((type) & UNRELIABLE_MESS)
#define Is_reliable_mess(type) ((type) & RELIABLE_MESS)
#define Is_fifo_mess(type) ((type) & FIFO_MESS)
#define Is_causal_mess(type) ((type) & CAUSAL_MESS)
#define Is_agreed_mess(type) ((type) & AGREED_MESS)
#define Is_safe_mess(type) ((type) & SAFE_MESS)
#define Is_self_discard(type) ((type) & SELF_DISCARD)
#define Is_reg_memb_mess(type) ((type) & REG_MEMB_MESS)
#define Is_transition_mess(type) ((type) & TRANSITION_MESS)
#define Is_caused_join_mess(type) ((type) & CAUSED_BY_JOIN)
#define Is_caused_leave_mess(type) ((type) & CAUSED_BY_LEAVE)
#define Is_caused_disconnect_mess(type) ((type) & CAUSED_BY_DISCONNECT)
#define Is_caused_network_mess(type) ((type) & CAUSED_BY_NETWORK)
#define Is_reject_mess(type) ((type) & REJECT_MESS)

/* These answer 0 or 1. */
#define Is_regular_mess(type) (((type) & REGULAR_MESS) != 0 && ((type) & REJECT_MESS) == 0)
#define Is_membership_mess(type) (((type) & MEMBERSHIP_MESS) != 0 && ((type) & REJECT_MESS) == 0)
#define Is_self_leave(type) (((type) & CAUSED_BY_LEAVE) != 0 && ((type) & (REG_MEMB_MESS | TRANSITION_MESS)) == 0)

/* ---- Results ---- */

#define ACCEPT_SESSION 1
#define ILLEGAL_SPREAD (-1)        /* the daemon name cannot be used */
#define COULD_NOT_CONNECT (-2)     /* no connection to the daemon */
#define REJECT_QUOTA (-3)          /* too many users at the daemon, or too many mailboxes in this process */
#define REJECT_NO_NAME (-4)        /* the daemon wants a private name */
#define REJECT_ILLEGAL_NAME (-5)   /* the daemon does not allow this private name */
#define REJECT_NOT_UNIQUE (-6)     /* the private name is in use at this daemon */
#define REJECT_VERSION (-7)        /* versions of library and daemon do not fit */
#define CONNECTION_CLOSED (-8)     /* the daemon closed the connection, or the time to connect ran out */
#define REJECT_AUTH (-9)           /* authentication failed */
#define ILLEGAL_SESSION (-11)      /* not a mailbox */
#define ILLEGAL_SERVICE (-12)      /* no service asked for */
#define ILLEGAL_MESSAGE (-13)      /* malformed message, or message arguments that cannot be */
#define ILLEGAL_GROUP (-14)        /* not a group name */
#define BUFFER_TOO_SHORT (-15)     /* the body does not fit */
#define GROUPS_TOO_SHORT (-16)     /* the group list does not fit */
#define MESSAGE_TOO_LONG (-17)     /* body + 32 * groups above 143152 bytes */
#define NET_ERROR_ON_SESSION (-18) /* the connection broke earlier; SP_disconnect or SP_kill the mailbox */
#define SP_BUG (-19)               /* internal fault */
#define ILLEGAL_TIME (-20)         /* not a time */

/* ---- Types ---- */

typedef int mailbox;
typedef int service;

/* A message in pieces: `num_elements` of `elements` are used, empty ones are skipped. */
typedef struct dummy_scat_element {
  char *buf;
  size_t len;
} scat_element;

typedef struct dummy_scatter {
  size_t num_elements;
  scat_element elements[MAX_CLIENT_SCATTER_ELEMENTS];
} scatter;

/* The identity of one view of a group; compare with SP_equal_group_ids. */
typedef struct dummy_group_id {
  int32 id[3];
} group_id;

/* Members that came together from one previous view. */
typedef struct dummy_vs_set_info {
  unsigned int num_members;
  unsigned int members_offset; /* of the first name, from the start of the message body */
} vs_set_info;

typedef struct dummy_membership_info {
  group_id gid;
  char changed_member[MAX_GROUP_NAME]; /* who joined, left or disconnected; empty for network changes */
  unsigned int num_vs_sets;
  vs_set_info my_vs_set;
} membership_info;

#include "sp_events.h"
#include "sp_func.h"

#ifdef __cplusplus
}
#endif

#endif
