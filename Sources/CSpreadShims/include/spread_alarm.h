/*
 * The Alarm printer: lines on standard output, chosen by type and priority. No installed header declares it; programs
 * that use it declare it themselves, so the declarations below are the binary interface (c-api 10.3).
 */
#ifndef SPREAD_ALARM_H
#define SPREAD_ALARM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types of a message, combined in a mask. (Programs that declare them do so without prefix.) */
#define ALARM_NONE 0x00000000
#define ALARM_EXIT 0x00000001 /* always printed; the process aborts */
#define ALARM_DATA_LINK 0x00000002
#define ALARM_MEMORY 0x00000004
#define ALARM_EVENTS 0x00000008
#define ALARM_PRINT 0x00000010
#define ALARM_SYSTEM 0x00000010
#define ALARM_NETWORK 0x00000020
#define ALARM_PROTOCOL 0x00000040
#define ALARM_SESSION 0x00000080
#define ALARM_CONF_SYS 0x00000100
#define ALARM_MEMB 0x00000200
#define ALARM_FLOW_CONTROL 0x00000400
#define ALARM_STATUS 0x00000800
#define ALARM_DEBUG 0x00001000
#define ALARM_GROUPS 0x00002000
#define ALARM_HOP 0x00004000
#define ALARM_OBJ_HANDLER 0x00008000
#define ALARM_ROUTE 0x00020000
#define ALARM_QOS 0x00040000
#define ALARM_RING 0x00080000
#define ALARM_TCP_HOP 0x00100000
#define ALARM_SKIPLIST 0x00200000
#define ALARM_ACM 0x00400000
#define ALARM_SECURITY 0x00800000
#define ALARM_ALL 0xffffffff

/* Priority of a message: one of these ... */
#define SPLOG_DEBUG 1
#define SPLOG_INFO 2
#define SPLOG_WARNING 3
#define SPLOG_ERROR 4
#define SPLOG_CRITICAL 5
#define SPLOG_PRINT 6 /* always printed */
#define SPLOG_FATAL 7 /* always printed; the process aborts */
#define SPLOG_PRIORITY_FIELDS 0x0f
/* ... and flags. */
#define SPLOG_NODATE 0x10   /* without time stamp */
#define SPLOG_REALTIME 0x20 /* given to the realtime handler as well */

/* Gets priority, mask, time stamp and its length, message and its length; not 0 when it failed. */
typedef int(alarm_realtime_handler)(short, int, char *, size_t, char *, size_t);

extern unsigned int Alarm_type_mask;      /* types that are printed */
extern unsigned short Alarm_cur_priority; /* from this priority on */

/* printf; Alarm has the priority of a warning. */
void Alarm(int mask, char *format, ...);
void Alarmp(short priority, int mask, char *format, ...);

/* Standard output and standard error go to the end of this file from now on, unbuffered. */
void Alarm_set_output(char *path);

/* A stamp of strftime (NULL: month/day/year hour:minute:second) before each message; with microseconds. */
void Alarm_enable_timestamp(const char *format);
void Alarm_enable_timestamp_high_res(const char *format);
void Alarm_disable_timestamp(void);

void Alarm_set_types(int mask);
void Alarm_clear_types(int mask);
int Alarm_get_types(void);
void Alarm_set_priority(short priority);
short Alarm_get_priority(void);
void Alarm_set_realtime_print_handler(alarm_realtime_handler *handler);
void Alarm_set_interactive(void);
int Alarm_get_interactive(void);

#ifdef __cplusplus
}
#endif

#endif
