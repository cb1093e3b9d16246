#ifndef SPREAD_SP_H
#define SPREAD_SP_H
typedef int mailbox;
#endif
