/* The functions of c-api 10.1 and events-and-flush part 3, declared a second time: compatible with the headers, or the
   compiler refuses. One a line: run.sh also makes wrong ones of them. Types are spelled out where a macro or a typedef
   of the headers could hide a difference. */

/* SP */
int SP_version(int *major, int *minor, int *patch);
int SP_set_auth_method(const char *name, int (*fn)(int, void *), void *data);
int SP_set_auth_methods(int n, const char *names[], int (*fns[])(int, void *), void *datas[]);
int SP_connect(const char *daemon, const char *user, int prio, int memb, mailbox *m, char *priv);
int SP_connect_timeout(const char *daemon, const char *user, int prio, int memb, mailbox *m, char *priv, sp_time t);
int SP_disconnect(mailbox m);
void SP_kill(mailbox m);
int SP_join(mailbox m, const char *g);
int SP_leave(mailbox m, const char *g);
int SP_multicast(mailbox m, service svc, const char *g, short k, int len, const char *b);
int SP_scat_multicast(mailbox m, service svc, const char *g, short k, const scatter *sc);
int SP_multigroup_multicast(mailbox m, service svc, int n, const char gs[][32], short k, int len, const char *b);
int SP_multigroup_scat_multicast(mailbox m, service svc, int n, const char gs[][32], short k, const scatter *sc);
int SP_receive(mailbox m, service *svc, char from[32], int cap, int *n, char gs[][32], short *k, int *mis, int len, char *b);
int SP_scat_receive(mailbox m, service *svc, char from[32], int cap, int *n, char gs[][32], short *k, int *mis, scatter *sc);
int SP_get_memb_info(const char *b, const service svc, membership_info *info);
int SP_get_vs_sets_info(const char *b, vs_set_info *sets, int cap, unsigned int *mine);
int SP_get_vs_set_members(const char *b, const vs_set_info *set, char gs[][32], int cap);
int SP_scat_get_memb_info(const scatter *sc, const service svc, membership_info *info);
int SP_scat_get_vs_sets_info(const scatter *sc, vs_set_info *sets, int cap, unsigned int *mine);
int SP_scat_get_vs_set_members(const scatter *sc, const vs_set_info *set, char gs[][32], int cap);
int SP_poll(mailbox m);
int SP_equal_group_ids(group_id a, group_id b);
const char *SP_strerror(int e);
void SP_error(int e);

/* E */
int E_init(void);
sp_time E_get_time(void);
sp_time E_get_time_monotonic(void);
sp_time E_neg_time(sp_time a);
sp_time E_add_time(sp_time a, sp_time b);
sp_time E_sub_time(sp_time a, sp_time b);
int E_compare_time(sp_time a, sp_time b);
int E_queue(void (*fn)(int code, void *data), int code, void *data, sp_time delta);
int E_in_queue(void (*fn)(int code, void *data), int code, void *data);
int E_dequeue(void (*fn)(int code, void *data), int code, void *data);
void E_delay(sp_time a);
int E_attach_fd(int fd, int kind, void (*fn)(int fd, int code, void *data), int code, void *data, int prio);
int E_detach_fd(int fd, int kind);
int E_detach_fd_priority(int fd, int kind, int prio);
int E_set_active_threshold(int prio);
int E_activate_fd(int fd, int kind);
int E_deactivate_fd(int fd, int kind);
int E_num_active(int prio);
void E_handle_events(void);
void E_exit_events(void);
void E_exit_events_async_safe(void);

/* FL */
int FL_lib_init(void);
void FL_version(int *major, int *minor, int *patch);
int FL_connect(const char *daemon, const char *user, int prio, mailbox *m, char *priv);
int FL_disconnect(mailbox m);
int FL_join(mailbox m, const char *g);
int FL_leave(mailbox m, const char *g);
int FL_flush(mailbox m, const char *g);
int FL_unicast(mailbox m, service svc, const char *g, const char *to, short k, int len, const char *b);
int FL_scat_unicast(mailbox m, service svc, const char *g, const char *to, short k, const scatter *sc);
int FL_subgroupcast(mailbox m, service svc, const char *g, int n, char to[][32], short k, int len, const char *b);
int FL_scat_subgroupcast(mailbox m, service svc, const char *g, int n, char to[][32], short k, const scatter *sc);
int FL_multicast(mailbox m, service svc, const char *g, short k, int len, const char *b);
int FL_scat_multicast(mailbox m, service svc, const char *g, short k, const scatter *sc);
int FL_receive(mailbox m, service *svc, char *from, int cap, int *n, char gs[][32], short *k, int *mis, int len, char *b, int *more);
int FL_scat_receive(mailbox m, service *svc, char *from, int cap, int *n, char gs[][32], short *k, int *mis, scatter *sc, int *more);
int FL_more_msgs(mailbox m);
int FL_poll(mailbox m);
void FL_error(int e);
int FL_get_gid_offset_memb_mess(void);
int FL_get_num_vs_offset_memb_mess(void);
int FL_get_vs_set_offset_memb_mess(void);
