/* The Alarm functions of c-api 10.3, as programs declare them. One a line, see prototypes.h. */
typedef int (alarm_realtime_handler)(short, int, char *, size_t, char *, size_t);
extern unsigned int Alarm_type_mask;
extern unsigned short Alarm_cur_priority;
void Alarm(int mask, char *fmt, ...);
void Alarmp(short prio, int mask, char *fmt, ...);
void Alarm_set_output(char *path);
void Alarm_enable_timestamp(const char *fmt);
void Alarm_enable_timestamp_high_res(const char *fmt);
void Alarm_disable_timestamp(void);
void Alarm_set_types(int mask);
void Alarm_clear_types(int mask);
int Alarm_get_types(void);
void Alarm_set_priority(short prio);
short Alarm_get_priority(void);
void Alarm_set_realtime_print_handler(alarm_realtime_handler *fn);
void Alarm_set_interactive(void);
int Alarm_get_interactive(void);
