/* Layouts that the Swift side takes for granted (c-api 2). */

#include <CSpreadShims.h>
#include <sp.h>

#include "../CSpreadSocket/include/CSpreadSocket.h"

_Static_assert(sizeof(scat_element) == sizeof(csp_piece), "a scat_element is a csp_piece");
_Static_assert(offsetof(scat_element, buf) == offsetof(csp_piece, base), "a scat_element is a csp_piece");
_Static_assert(offsetof(scat_element, len) == offsetof(csp_piece, length), "a scat_element is a csp_piece");
_Static_assert(offsetof(scatter, elements) == sizeof(size_t), "elements follow their number");
_Static_assert(MAX_CLIENT_SCATTER_ELEMENTS == CSP_MAX_PIECES, "every scatter fits a run");
_Static_assert(sizeof(group_id) == 12 && sizeof(vs_set_info) == 8, "as on the wire");
_Static_assert(sizeof(membership_info) == 56 && offsetof(membership_info, changed_member) == 12, "as in stock");
_Static_assert(offsetof(membership_info, num_vs_sets) == 44 && offsetof(membership_info, my_vs_set) == 48, "");
