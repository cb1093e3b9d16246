/* The library's calls for Perl. Mailboxes are plain numbers; the receive buffers are kept and grow by what
   BUFFER_TOO_SHORT and GROUPS_TOO_SHORT answer. */
#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

#include <sp.h>

static int room = 8, max_groups = 1;
static char *body;
static char (*groups)[MAX_GROUP_NAME];

/* $sperrno is the number in numeric and the text in string context. */
static void set_error(pTHX_ int code) {
  SV *error = get_sv("SpreadSession::sperrno", GV_ADD);
  sv_setpv(error, code < 0 ? SP_strerror(code) : "");
  SvIV_set(error, code);
  SvIOK_on(error);
}

/* True, or undef and $sperrno. */
static SV *answer(pTHX_ int result) {
  if (result < 0) {
    set_error(aTHX_ result);
    return &PL_sv_undef;
  }
  return sv_2mortal(newSVpvf("%s", result == 0 ? "0 but true" : form("%d", result)));
}

static AV *group_names(pTHX_ int count) {
  AV *names = newAV();
  int i;
  for (i = 0; i < count; i++) av_push(names, newSVpv(groups[i], 0));
  return names;
}

#define CONSTANT(name) newCONSTSUB(stash, #name, newSViv((IV)name))

MODULE = SpreadSession    PACKAGE = SpreadSession

PROTOTYPES: DISABLE

BOOT:
{
  HV *stash = gv_stashpv("SpreadSession", GV_ADD);
  body = (char *)safemalloc((size_t)room);
  groups = (char (*)[MAX_GROUP_NAME])safemalloc((size_t)max_groups * MAX_GROUP_NAME);
  CONSTANT(UNRELIABLE_MESS); CONSTANT(RELIABLE_MESS); CONSTANT(FIFO_MESS); CONSTANT(CAUSAL_MESS);
  CONSTANT(AGREED_MESS); CONSTANT(SAFE_MESS); CONSTANT(REGULAR_MESS); CONSTANT(SELF_DISCARD);
  CONSTANT(REG_MEMB_MESS); CONSTANT(TRANSITION_MESS); CONSTANT(MEMBERSHIP_MESS); CONSTANT(REJECT_MESS);
  CONSTANT(CAUSED_BY_JOIN); CONSTANT(CAUSED_BY_LEAVE); CONSTANT(CAUSED_BY_DISCONNECT); CONSTANT(CAUSED_BY_NETWORK);
  CONSTANT(ACCEPT_SESSION); CONSTANT(ILLEGAL_SPREAD); CONSTANT(COULD_NOT_CONNECT); CONSTANT(REJECT_NOT_UNIQUE);
  CONSTANT(REJECT_ILLEGAL_NAME); CONSTANT(CONNECTION_CLOSED); CONSTANT(ILLEGAL_SESSION); CONSTANT(ILLEGAL_SERVICE);
  CONSTANT(ILLEGAL_GROUP); CONSTANT(MESSAGE_TOO_LONG);
}

void
version()
  PREINIT:
    int major, minor, patch;
  PPCODE:
    if (!SP_version(&major, &minor, &patch)) XSRETURN_EMPTY;
    EXTEND(SP, 3);
    mPUSHi(major);
    mPUSHi(minor);
    mPUSHi(patch);

void
connect_with(const char *spread_name, const char *private_name, int priority, int membership)
  PREINIT:
    mailbox mbox = -1;
    char private_group[MAX_GROUP_NAME];
    int result;
  PPCODE:
    result = SP_connect(spread_name, private_name, priority, membership, &mbox, private_group);
    if (result != ACCEPT_SESSION) {
      set_error(aTHX_ result);
      XSRETURN_EMPTY;
    }
    EXTEND(SP, 2);
    mPUSHi(mbox);
    mPUSHp(private_group, strlen(private_group));

SV *
disconnect(int mbox)
  CODE:
    RETVAL = SvREFCNT_inc(answer(aTHX_ SP_disconnect(mbox)));
  OUTPUT:
    RETVAL

SV *
join_one(int mbox, const char *group)
  CODE:
    RETVAL = SvREFCNT_inc(answer(aTHX_ SP_join(mbox, group)));
  OUTPUT:
    RETVAL

SV *
leave_one(int mbox, const char *group)
  CODE:
    RETVAL = SvREFCNT_inc(answer(aTHX_ SP_leave(mbox, group)));
  OUTPUT:
    RETVAL

SV *
poll(int mbox)
  CODE:
    RETVAL = SvREFCNT_inc(answer(aTHX_ SP_poll(mbox)));
  OUTPUT:
    RETVAL

SV *
multicast(int mbox, int type, SV *to, int mess_type, SV *message)
  PREINIT:
    STRLEN length;
    const char *bytes;
    int result;
  CODE:
    bytes = SvPV(message, length);
    if (SvROK(to) && SvTYPE(SvRV(to)) == SVt_PVAV) {
      AV *list = (AV *)SvRV(to);
      int count = (int)av_len(list) + 1, i;
      char (*names)[MAX_GROUP_NAME] = (char (*)[MAX_GROUP_NAME])safecalloc((size_t)count + 1, MAX_GROUP_NAME);
      for (i = 0; i < count; i++) {
        SV **name = av_fetch(list, i, 0);
        if (name != NULL) strncpy(names[i], SvPV_nolen(*name), MAX_GROUP_NAME - 1);
      }
      result = SP_multigroup_multicast(mbox, type, count, (const char (*)[MAX_GROUP_NAME])names, (int16)mess_type,
                                       (int)length, bytes);
      safefree(names);
    } else {
      result = SP_multicast(mbox, type, SvPV_nolen(to), (int16)mess_type, (int)length, bytes);
    }
    RETVAL = SvREFCNT_inc(answer(aTHX_ result));
  OUTPUT:
    RETVAL

void
receive_one(int mbox)
  PREINIT:
    service type;
    char sender[MAX_GROUP_NAME];
    int count, endian, result;
    int16 mess_type;
  PPCODE:
    for (;;) {
      type = 0;
      result = SP_receive(mbox, &type, sender, max_groups, &count, groups, &mess_type, &endian, room, body);
      if (result == GROUPS_TOO_SHORT && count < 0) {
        max_groups = -count;
        groups = (char (*)[MAX_GROUP_NAME])saferealloc(groups, (size_t)max_groups * MAX_GROUP_NAME);
      } else if (result == BUFFER_TOO_SHORT && endian < 0) {
        room = -endian;
        body = (char *)saferealloc(body, (size_t)room);
      } else {
        break;
      }
    }
    if (result < 0) {
      set_error(aTHX_ result);
      XSRETURN_EMPTY;
    }
    set_error(aTHX_ 0);
    EXTEND(SP, 6);
    mPUSHi(type);
    mPUSHp(sender, strlen(sender));
    PUSHs(sv_2mortal(newRV_noinc((SV *)group_names(aTHX_ count))));
    mPUSHi(mess_type);
    mPUSHi(endian);
    mPUSHp(body, result);

# (group id as [3 numbers], changed member, [[vs set members] ...], index of the own vs set) of the membership message
# that receive answered last.
void
membership_of_last(int type)
  PREINIT:
    membership_info info;
    vs_set_info *sets;
    unsigned int mine = 0, i;
    AV *gid, *all;
    int result;
  PPCODE:
    result = SP_get_memb_info(body, type, &info);
    if (result < 0) {
      set_error(aTHX_ result);
      XSRETURN_EMPTY;
    }
    sets = (vs_set_info *)safemalloc((info.num_vs_sets + 1) * sizeof *sets);
    SP_get_vs_sets_info(body, sets, (int)info.num_vs_sets, &mine);
    gid = newAV();
    for (i = 0; i < 3; i++) av_push(gid, newSViv(info.gid.id[i]));
    all = newAV();
    for (i = 0; i < info.num_vs_sets; i++) {
      AV *one = newAV();
      unsigned int j;
      char (*names)[MAX_GROUP_NAME] =
          (char (*)[MAX_GROUP_NAME])safemalloc((size_t)sets[i].num_members * MAX_GROUP_NAME + 1);
      if (SP_get_vs_set_members(body, &sets[i], names, (int)sets[i].num_members) == (int)sets[i].num_members)
        for (j = 0; j < sets[i].num_members; j++) av_push(one, newSVpv(names[j], 0));
      safefree(names);
      av_push(all, newRV_noinc((SV *)one));
    }
    safefree(sets);
    EXTEND(SP, 4);
    PUSHs(sv_2mortal(newRV_noinc((SV *)gid)));
    mPUSHp(info.changed_member, strlen(info.changed_member));
    PUSHs(sv_2mortal(newRV_noinc((SV *)all)));
    mPUSHi((IV)mine);
