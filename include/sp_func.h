/*
 * The SP functions. Include sp.h, not this file: it needs the types of sp.h before it.
 *
 * Where results are not described they are 0 or a count for success and a code of sp.h (negative) for failure. No call
 * changes errno. A null pointer where something must be given is answered with the code in brackets, never a crash.
 */

/* Version of the interface. 1, or 0 when a pointer is null (and nothing is written). */
int SP_version(int *major, int *minor, int *patch);

/*
 * Authentication for later connects of this process: at most 3 methods, names below 30 characters, in order.
 * A method gets the connecting descriptor, non-blocking, and its data; it answers 0 to give up. 1, or 0 when refused.
 */
int SP_set_auth_method(const char *name, int (*method)(int, void *), void *data);
int SP_set_auth_methods(int count, const char *names[], int (*methods[])(int, void *), void *data[]);

/*
 * Connects to a daemon: "4803" (unix socket /tmp/4803), "4803@host" (TCP), NULL or "" for port 4803 of this machine.
 * `private_name` NULL or "" lets the daemon invent one. `private_group` has room for MAX_GROUP_NAME bytes
 * or is NULL. ACCEPT_SESSION, or a code; then `*mbox` and `private_group` are untouched. [mbox: ILLEGAL_SESSION]
 * The whole connecting but the name lookup is bounded by `timeout`; {0, 0} waits for ever.
 */
int SP_connect(const char *daemon, const char *private_name, int priority, int group_membership, mailbox *mbox,
               char *private_group);
int SP_connect_timeout(const char *daemon, const char *private_name, int priority, int group_membership,
                       mailbox *mbox, char *private_group, sp_time timeout);

/* Ends a session, telling the daemon (SP_disconnect) or just closing (SP_kill). Both close the descriptor. */
int SP_disconnect(mailbox mbox);
void SP_kill(mailbox mbox);

/* The result comes as a membership message. [group: ILLEGAL_GROUP] */
int SP_join(mailbox mbox, const char *group);
int SP_leave(mailbox mbox, const char *group);

/*
 * Sends to one group, or to all members of several groups once each. Returns the number of body bytes.
 * [group, groups with a positive count: ILLEGAL_GROUP; data with a positive length, scatter, null elements with a
 * length: ILLEGAL_MESSAGE]. A name of `groups` without a NUL: ILLEGAL_GROUP. A group count outside 0..311 or more than
 * MAX_CLIENT_SCATTER_ELEMENTS elements: ILLEGAL_MESSAGE. A negative length is sent as it is, without a body; the call
 * answers 0 and the daemon ends the session, as it always did.
 */
int SP_multicast(mailbox mbox, service service_type, const char *group, int16 mess_type, int length,
                 const char *data);
int SP_scat_multicast(mailbox mbox, service service_type, const char *group, int16 mess_type, const scatter *pieces);
int SP_multigroup_multicast(mailbox mbox, service service_type, int num_groups,
                            const char groups[][MAX_GROUP_NAME], int16 mess_type, int length, const char *data);
int SP_multigroup_scat_multicast(mailbox mbox, service service_type, int num_groups,
                                 const char groups[][MAX_GROUP_NAME], int16 mess_type, const scatter *pieces);

/*
 * Receives one message, waiting for it. Returns the number of body bytes.
 *
 * `*service_type` is also an input: without DROP_RECV a message that does not fit stays, `*num_groups` and
 * `*endian_mismatch` become minus what is needed, and the call can be repeated; with DROP_RECV it is cut.
 * [any result pointer; groups with max_groups > 0; data with max_length > 0; scatter: ILLEGAL_MESSAGE, before anything
 * is read]. Negative room counts as none.
 */
int SP_receive(mailbox mbox, service *service_type, char sender[MAX_GROUP_NAME], int max_groups, int *num_groups,
               char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch, int max_length, char *data);
int SP_scat_receive(mailbox mbox, service *service_type, char sender[MAX_GROUP_NAME], int max_groups,
                    int *num_groups, char groups[][MAX_GROUP_NAME], int16 *mess_type, int *endian_mismatch,
                    scatter *pieces);

/* Reading the body of a membership message. [any pointer: ILLEGAL_MESSAGE] */
int SP_get_memb_info(const char *body, const service service_type, membership_info *info);
int SP_get_vs_sets_info(const char *body, vs_set_info *sets, int max_sets, unsigned int *my_set_index);
int SP_get_vs_set_members(const char *body, const vs_set_info *set, char names[][MAX_GROUP_NAME], int max_names);
int SP_scat_get_memb_info(const scatter *body, const service service_type, membership_info *info);
int SP_scat_get_vs_sets_info(const scatter *body, vs_set_info *sets, int max_sets, unsigned int *my_set_index);
int SP_scat_get_vs_set_members(const scatter *body, const vs_set_info *set, char names[][MAX_GROUP_NAME],
                               int max_names);

/* Bytes that have arrived and are not yet received; 0 also after the daemon closed. */
int SP_poll(mailbox mbox);

/* 1 when both name the same view, else 0. */
int SP_equal_group_ids(group_id a, group_id b);

/* A text for a code, never NULL; and a line with it on standard output. */
const char *SP_strerror(int code);
void SP_error(int code);
