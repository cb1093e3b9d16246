#!/bin/sh
# Builds the C API cases against an installed tree and runs them with each of the three libraries, as C and as C++; then
# the library under load from threads and forks, and both under valgrind where it is installed.
#
#   run.sh [--stock] INCLUDE_DIRECTORY LIBRARY_DIRECTORY port@host
set -eu
flag=
if [ "$1" = --stock ]; then
  flag=--stock
  shift
fi
include=$1
libraries=$2
daemon=$3
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

sources="$here/cases.c $here/harness.c $here/connecting.c $here/groups.c $here/receiving.c $here/limits.c"
warnings="-Wall -Wextra -Werror"

run() {
  echo "$1:"
  LD_LIBRARY_PATH=$libraries timeout -k 5 240 "$work/$1" $flag "$daemon" || failed=1
}

for name in spread tspread-core spread-core; do
  ${CC:-cc} -std=gnu99 $warnings -I"$include" $sources -L"$libraries" -l$name -pthread -o "$work/cases-$name"
  run cases-$name
done
for standard in 98 20; do
  ${CXX:-c++} -x c++ -std=gnu++$standard $warnings -I"$include" $sources -x none -L"$libraries" -lspread -pthread \
    -o "$work/cases-c++$standard"
  run cases-c++$standard
done
${CC:-cc} -std=gnu99 $warnings -I"$include" $sources "$libraries/libspread.a" -lm -pthread -o "$work/cases-static"
run cases-static
${CC:-cc} -std=gnu99 $warnings -I"$include" "$here/stress.c" -L"$libraries" -lspread -pthread -o "$work/stress"
if [ -z "$flag" ]; then
  under=
  for program in cases-spread stress; do
    if command -v valgrind >/dev/null; then
      under="valgrind -q --error-exitcode=9 --fair-sched=yes --leak-check=full --errors-for-leak-kinds=definite,possible"
      echo "$program under valgrind:"
    else
      echo "SKIPPED $program under valgrind: valgrind is not installed; without it:"
    fi
    LD_LIBRARY_PATH=$libraries timeout -k 5 300 $under "$work/$program" "$daemon" || failed=1
  done
fi
[ $failed = 0 ] && echo "every C API row passed with three libraries, static, as C and as C++; stress passed"
exit $failed
