#!/bin/sh
# The installed headers as C89 ... C20 and C++98 ... C++20, with all warnings as errors: layouts, constants, prototypes.
#
#   run.sh INCLUDE_DIR [PRIVATE_INCLUDE_DIR]
#
# With the second directory (Sources/CSpreadShims/include of the source tree) the Alarm header is checked too. Then the
# other way round: every prototype is changed in some way, and the compiler must refuse each. CC and CXX choose the
# compilers.
set -u
include=${1:?usage: run.sh INCLUDE_DIR [PRIVATE_INCLUDE_DIR]}
private=${2-}
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
cxx=${CXX:-c++}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0 accepted=0
warnings="-Wall -Wextra -Wpedantic -Werror -Wstrict-prototypes -Wredundant-decls"
cxx_warnings="-Wall -Wextra -Wpedantic -Werror"
c_standards="c89 c99 c11 c17"
cxx_standards="c++98 c++11 c++17 c++20"

compile() { # standard, file, further options
  standard=$1 file=$2
  shift 2
  case $standard in
    c++*) timeout 60 "$cxx" -x c++ -std="$standard" $cxx_warnings -I"$include" -I"$here" "$@" -fsyntax-only "$file" ;;
    *) timeout 60 "$cc" -x c -std="$standard" $warnings -Wno-redundant-decls -I"$include" -I"$here" "$@" \
      -fsyntax-only "$file" ;;
  esac
}

must_compile() { # standard, file, further options
  if compile "$@" 2>"$work/errors"; then
    accepted=$((accepted + 1))
  else
    echo "FAIL $1 $(basename "$2")"
    head -n 5 "$work/errors"
    failed=1
  fi
}

# ---- What must compile ----

for header in sp.h sp_events.h fl.h; do
  printf '#include <%s>\n#include <%s>\nint something;\n' $header $header >"$work/alone-$header.c"
done
# In every order, and what programs do around them.
printf '#include <fl.h>\n#include <sp_events.h>\n#include <sp.h>\nint something;\n' >"$work/order.c"

printf '#include <sp.h>\n#include <fl.h>\n#include "prototypes.h"\n' >"$work/prototypes.c"
printf '#include <sp.h>\n#include <fl.h>\nextern "C" {\n#include "prototypes.h"\n}\n' >"$work/prototypes-linkage.c"

# Constants: see constants.txt. ENDIAN_RESERVED is unsigned, so labels are compared in an unsigned switch.
awk '
  BEGIN { print "#include <sp.h>\n#include <fl.h>" }
  /^#/ { next }
  NF == 2 { name = $1; use = $1; value = $2 }
  NF == 3 { name = $1; use = $1 "(" $2 ")"; value = $3 }
  {
    printf "#ifndef %s\n#error %s is not a macro\n#endif\n", name, name
    printf "#if %s != %s\n#error %s is not %s\n#endif\n", use, value, use, value
    printf "extern char constant_%d[(%s) == (%s) ? 1 : -1];\n", NR, use, value
    printf "int label_%d(unsigned int it);\nint label_%d(unsigned int it) {\n", NR, NR
    printf "  switch (it) { case (unsigned int)(%s): return 1; default: return 0; }\n}\n", use
  }' "$here/constants.txt" >"$work/constants.c"
# The results as labels of one switch: all different.
{
  printf '#include <sp.h>\n#include <fl.h>\nint text(int code);\nint text(int code) {\n  switch (code) {\n'
  awk '$2 ~ /^-/ { printf "  case %s: return %d;\n", $1, -$2 }' "$here/constants.txt"
  printf '  default: return 0;\n  }\n}\n'
} >"$work/results.c"

for standard in $c_standards $cxx_standards; do
  for file in alone-sp.h alone-sp_events.h alone-fl.h order prototypes constants results; do
    must_compile $standard "$work/$file.c"
  done
  must_compile $standard "$here/layout.c"
done
for standard in $cxx_standards; do must_compile $standard "$work/prototypes-linkage.c"; done

if [ -n "$private" ]; then
  printf '#include "spread_alarm.h"\n#include "alarm.h"\n' >"$work/alarm.c"
  printf '#include <sp.h>\n#include "alarm.h"\n' >"$work/alarm-after.c"
  printf '#include <sp.h>\n#include <fl.h>\n#include "spread_alarm.h"\nextern "C" {\n#include "alarm.h"\n}\n' \
    >"$work/alarm-linkage.c"
  # C89 has no typedef twice: the one of the handler is left out there.
  for standard in $c_standards; do
    if [ $standard = c89 ] || [ $standard = c99 ]; then
      grep -v '^typedef' "$here/alarm.h" >"$work/alarm-without-type.h"
      printf '#include "spread_alarm.h"\n#include "%s"\n' "$work/alarm-without-type.h" >"$work/alarm-89.c"
      must_compile $standard "$work/alarm-89.c" -I"$private"
    else
      must_compile $standard "$work/alarm.c" -I"$private"
    fi
    must_compile $standard "$work/alarm-after.c"
  done
  for standard in $cxx_standards; do must_compile $standard "$work/alarm-linkage.c" -I"$private"; done
else
  echo "headers: no private include directory given: SKIPPED the Alarm functions"
fi

# C linkage without help of the program, also of sp_events.h alone.
for header in sp.h sp_events.h; do
  printf '#include <%s>\nint main() { return E_init(); }\n' $header >"$work/linkage.cc"
  if "$cxx" -I"$include" -c "$work/linkage.cc" -o "$work/linkage.o" && nm "$work/linkage.o" | grep -q ' U E_init$'; then
    accepted=$((accepted + 1))
  else
    echo "FAIL $header gives C++ programs another linkage"
    failed=1
  fi
done

# ---- What must be refused ----

# One wrong declaration a line: another result, one parameter more, one fewer, each const or unsigned dropped, each
# array bound changed, each int (or short) parameter long.
awk '
  function replace_nth(text, from, to, n,   head, at) {
    head = ""
    while (n-- > 0) {
      at = index(text, from)
      if (at == 0) return ""
      if (n == 0) return head substr(text, 1, at - 1) to substr(text, at + length(from))
      head = head substr(text, 1, at + length(from) - 1)
      text = substr(text, at + length(from))
    }
  }
  function every(from, to,   n, wrong) {
    for (n = 1; (wrong = replace_nth($0, from, to, n)) != ""; n++) print wrong
  }
  !/^[a-z].*\);$/ || /^typedef/ { next }
  {
    if ($0 ~ /^const char \*/) print substr($0, 7)
    else if ($0 ~ /^void/) print "int" substr($0, 5)
    else if ($0 ~ /^sp_time/) print "group_id" substr($0, 8)
    else { at = index($0, " "); print "long" substr($0, at); print "void" substr($0, at) }
    if ($0 ~ /\(void\);$/) { wrong = $0; sub(/\(void\);$/, "(int more);", wrong); print wrong; next }
    if ($0 !~ /\.\.\.\);$/) { wrong = $0; sub(/\);$/, ", int more);", wrong); print wrong }
    else { wrong = $0; sub(/, \.\.\.\);$/, ");", wrong); print wrong }
    wrong = $0
    if (sub(/, [^,()]*\);$/, ");", wrong) && wrong != $0) print wrong
    every("const char", "char"); every("const scatter", "scatter"); every("const vs_set_info", "vs_set_info")
    every("unsigned int", "int"); every("[32]", "[31]")
    every(", int ", ", long "); every("(int ", "(long "); every(", short ", ", int "); every("(short ", "(int ")
    every("mailbox m", "long m"); every("service svc", "long svc"); every("service *svc", "long *svc")
    every("sp_time ", "group_id "); every("void *data", "const void *data"); every("char *", "short *")
  }' "$here/prototypes.h" >"$work/wrong-public"
awk '
  !/^(void|int|short|extern)/ { next }
  /^extern/ { wrong = $0; sub(/unsigned /, "", wrong); print wrong; next }
  {
    wrong = $0
    if (wrong ~ /^void/) sub(/^void/, "int", wrong); else sub(/^[a-z]+/, "long", wrong)
    print wrong
    wrong = $0
    if (sub(/\(void\)/, "(int more)", wrong) || sub(/, \.\.\.\)/, ")", wrong) || sub(/\);$/, ", int more);", wrong))
      print wrong
    wrong = $0
    if (sub(/const char \*/, "char *", wrong) || sub(/\(char \*/, "(const char *", wrong)) print wrong
    wrong = $0; if (sub(/char \*fmt, \.\.\./, "const char *fmt, ...", wrong)) print wrong
    wrong = $0; if (sub(/\(short /, "(int ", wrong) || sub(/\(int /, "(short ", wrong)) print wrong
  }' "$here/alarm.h" >"$work/wrong-alarm"

refused=0
must_refuse() { # file of wrong declarations, headers before them
  while IFS= read -r wrong; do
    { printf '%s\n' "$2" "$wrong"; } >"$work/wrong.c"
    { printf '%s\nextern "C" {\n%s\n}\n' "$2" "$wrong"; } >"$work/wrong-linkage.c"
    for standard in c11 c++17; do
      file=$work/wrong.c
      [ $standard = c11 ] || file=$work/wrong-linkage.c
      if compile $standard "$file" ${private:+-I"$private"} 2>/dev/null; then
        # Bounds of a parameter "char from[32]" say nothing in C++.
        case $standard,$wrong in c++17,*from\[31\]*) continue ;; esac
        echo "FAIL $standard accepts: $wrong"
        failed=1
      else
        refused=$((refused + 1))
      fi
    done
  done <"$1"
}
must_refuse "$work/wrong-public" '#include <sp.h>
#include <fl.h>'
[ -z "$private" ] || must_refuse "$work/wrong-alarm" '#include <sp.h>
#include "spread_alarm.h"'

# The controls themselves: the right ones pass the same way, and each function has its wrong ones.
for function in $(sed -n 's/^[a-z].*[ *]\([A-Z][A-Za-z_]*\)(.*);$/\1/p' "$here/prototypes.h"); do
  grep -q "[ *]$function(" "$work/wrong-public" || { echo "FAIL no negative control for $function"; failed=1; }
done
functions=$(grep -c '^[a-z].*);$' "$here/prototypes.h")
[ "$functions" -eq 67 ] || { echo "FAIL $functions prototypes, not 67"; failed=1; }

echo "headers: $accepted compilations accepted, $refused wrong declarations refused, failed: $failed"
exit $failed
