/* Sizes, offsets and values of c-api 2 and 3 (x86_64 and other LP64 machines). C89 and C++98 on: a static assertion is
   an array type that may not have a negative size. */
#include <sp.h>
#include <fl.h>

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define IS(expression, value) extern char JOIN(assertion_, __LINE__)[(expression) == (value) ? 1 : -1]
#define LAYOUT(type, size, alignment) \
  struct JOIN(type, _aligned) { char before; type it; }; \
  IS(sizeof(type), size); \
  extern char JOIN(type, _alignment)[offsetof(struct JOIN(type, _aligned), it) == (alignment) ? 1 : -1]

LAYOUT(mailbox, 4, 4);
LAYOUT(service, 4, 4);
LAYOUT(int16, 2, 2);
LAYOUT(int32, 4, 4);
LAYOUT(sp_time, 16, 8);
LAYOUT(scat_element, 16, 8);
LAYOUT(scatter, 1608, 8);
LAYOUT(group_id, 12, 4);
LAYOUT(vs_set_info, 8, 4);
LAYOUT(membership_info, 56, 4);

IS(offsetof(sp_time, sec), 0);
IS(offsetof(sp_time, usec), 8);
IS(offsetof(scat_element, buf), 0);
IS(offsetof(scat_element, len), 8);
IS(offsetof(scatter, num_elements), 0);
IS(offsetof(scatter, elements), 8);
IS(offsetof(group_id, id), 0);
IS(offsetof(vs_set_info, num_members), 0);
IS(offsetof(vs_set_info, members_offset), 4);
IS(offsetof(membership_info, gid), 0);
IS(offsetof(membership_info, changed_member), 12);
IS(offsetof(membership_info, num_vs_sets), 44);
IS(offsetof(membership_info, my_vs_set), 48);

/* Struct tags are part of the interface: forward declarations use them. */
IS(sizeof(struct dummy_time), sizeof(sp_time));
IS(sizeof(struct dummy_scat_element), sizeof(scat_element));
IS(sizeof(struct dummy_scatter), sizeof(scatter));
IS(sizeof(struct dummy_group_id), sizeof(group_id));
IS(sizeof(struct dummy_vs_set_info), sizeof(vs_set_info));
IS(sizeof(struct dummy_membership_info), sizeof(membership_info));

/* Types of the fields: a pointer to another type does not convert. */
extern const scatter *a_scatter;
extern membership_info *an_info;
extern sp_time *a_time;
void fields(void);
void fields(void) {
  char *const *buf = &a_scatter->elements[0].buf;
  const size_t *len = &a_scatter->elements[99].len, *count = &a_scatter->num_elements;
  int *id = an_info->gid.id;
  char(*changed)[32] = &an_info->changed_member;
  unsigned int *sets = &an_info->num_vs_sets, *members = &an_info->my_vs_set.num_members;
  unsigned int *offset = &an_info->my_vs_set.members_offset;
  long *sec = &a_time->sec, *usec = &a_time->usec;
  (void)buf, (void)len, (void)count, (void)id, (void)changed, (void)sets, (void)members, (void)offset, (void)sec;
  (void)usec;
}

/* int16 and int32 are macros for words, so that this is a type. */
extern unsigned int16 an_unsigned_short;
extern unsigned int32 an_unsigned_int;
IS(sizeof an_unsigned_short, 2);
IS(sizeof an_unsigned_int, 4);
IS(sizeof(FL_MIN_LEGAL_MESS_TYPE), 2);
