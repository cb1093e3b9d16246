/* A client as application code usually wraps it: one mailbox, one set of receive buffers, what the last receive
   answered. Includes nothing but the installed sp.h. */
#ifndef COMPAT_CLIENT_H
#define COMPAT_CLIENT_H

#include <poll.h>
#include <sp.h>

#include "check.h"

#define BODY_ROOM 110000
#define GROUP_ROOM 60
#define COMPAT_MAYBE_UNUSED __attribute__((unused))

struct client {
  mailbox mbox;
  char private_group[MAX_GROUP_NAME];
  /* the last message */
  service type;
  char sender[MAX_GROUP_NAME];
  int num_groups;
  char groups[GROUP_ROOM][MAX_GROUP_NAME];
  int16 mess_type;
  int endian;
  int length;
  char body[BODY_ROOM];
};

/* Names that no other run on the same daemon uses: private names have at most 10 characters. */
static void unique_name(char *out, size_t room, const char *prefix) {
  snprintf(out, room, "%s%05u", prefix, (unsigned)getpid() % 100000u);
}

static int client_connect(struct client *c, const char *address, const char *name, int membership) {
  memset(c, 0, sizeof *c);
  c->mbox = -1;
  return SP_connect(address, name, 0, membership, &c->mbox, c->private_group);
}

/* One receive into the full-size buffers; the answer of SP_receive. */
static int client_receive(struct client *c) {
  c->type = 0; /* the service type is an input too: a stray DROP_RECV bit would truncate */
  c->length = SP_receive(c->mbox, &c->type, c->sender, GROUP_ROOM, &c->num_groups, c->groups, &c->mess_type, &c->endian,
                         BODY_ROOM, c->body);
  return c->length;
}

/* Whether the mailbox, which is a socket descriptor, becomes readable in time. */
COMPAT_MAYBE_UNUSED static int client_readable(struct client *c, int milliseconds) {
  struct pollfd p;
  p.fd = c->mbox;
  p.events = POLLIN;
  p.revents = 0;
  return poll(&p, 1, milliseconds) == 1;
}

/* Receives one regular membership message and checks all of it but the member list. */
COMPAT_MAYBE_UNUSED static void expect_membership(struct client *c, const char *group, service cause, int members,
                                                  const char *changed) {
  membership_info info;
  vs_set_info sets[4];
  char names[4][MAX_GROUP_NAME];
  unsigned int mine = 99;
  int at;

  if (!CHECK(client_receive(c) >= 0)) return;
  CHECK(Is_membership_mess(c->type));
  CHECK(!Is_regular_mess(c->type));
  CHECK_EQUAL(c->type, REG_MEMB_MESS | cause);
  CHECK_TEXT(c->sender, group);
  CHECK_EQUAL(c->num_groups, members);
  CHECK_EQUAL(c->endian, 0);
  at = c->mess_type;
  if (CHECK(at >= 0 && at < c->num_groups)) CHECK_TEXT(c->groups[at], c->private_group);

  CHECK_EQUAL(SP_get_memb_info(c->body, c->type, &info), 1);
  CHECK_TEXT(info.changed_member, changed);
  CHECK_EQUAL(info.num_vs_sets, 1);
  CHECK_EQUAL(SP_get_vs_sets_info(c->body, sets, 4, &mine), 1);
  CHECK_EQUAL(mine, 0);
  CHECK_EQUAL(sets[0].num_members, 1);
  CHECK_EQUAL(info.my_vs_set.num_members, sets[0].num_members);
  CHECK_EQUAL(info.my_vs_set.members_offset, sets[0].members_offset);
  CHECK_EQUAL(SP_get_vs_set_members(c->body, &sets[0], names, 4), 1);
  CHECK_TEXT(names[0], changed);
  CHECK_EQUAL(SP_get_vs_set_members(c->body, &info.my_vs_set, names, 4), 1);
  CHECK_EQUAL(SP_get_vs_sets_info(c->body, sets, 0, &mine), BUFFER_TOO_SHORT);
  CHECK_EQUAL(SP_get_vs_set_members(c->body, &sets[0], names, 0), BUFFER_TOO_SHORT);
}

/* Receives one regular message and checks all of it. */
COMPAT_MAYBE_UNUSED static void expect_regular(struct client *c, service type, const char *sender, int mess_type,
                                               const char *body, int length) {
  if (!CHECK(client_receive(c) >= 0)) return;
  CHECK(Is_regular_mess(c->type));
  CHECK_EQUAL(c->type, type);
  CHECK_TEXT(c->sender, sender);
  CHECK_EQUAL(c->mess_type, mess_type);
  CHECK_EQUAL(c->endian, 0);
  CHECK_EQUAL(c->length, length);
  CHECK(c->length == length && memcmp(c->body, body, (size_t)length) == 0);
}

#endif
