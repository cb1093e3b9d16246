#!/bin/sh
# The event loop and the Alarm printer of an installed library, under each library name it has.
#
#   run.sh [-x] [-v] PREFIX [ADDRESS]
#
#   -x        also what this library does better than stock 5.0.1 (leave it out to try stock itself)
#   -v        under valgrind as well
#   PREFIX    where include/ and lib/ are
#   ADDRESS   of a daemon, as port@host: without it the long run uses socket pairs, and that is said
set -u
better= valgrind=
while getopts xv option; do
  case $option in
    x) better=-x ;;
    v) valgrind=yes ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
prefix=${1:?usage: run.sh [-x] [-v] PREFIX [ADDRESS]}
address=${2-}
here=$(dirname "$0")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
[ -n "$address" ] || echo "events: no daemon address given: SKIPPED the run with two mailboxes"

try() { # name, command ...
  name=$1
  shift
  if timeout -k 5 300 "$@" >"$work/output" 2>&1; then
    echo "ok   $name: $(tail -n 1 "$work/output")"
  else
    echo "FAIL $name"
    cat "$work/output"
    failed=1
  fi
}

for library in spread tspread-core spread-core; do
  if [ ! -e "$prefix/lib/lib$library.so" ]; then
    echo "events: $prefix/lib/lib$library.so is not there"
    failed=1
    continue
  fi
  for program in events alarm; do
    ${CC:-cc} -std=gnu99 -O1 -g -Wall -Wextra -Wno-format-zero-length -I"$prefix/include" "$here/$program.c" \
      -o "$work/$program-$library" -L"$prefix/lib" -l$library -Wl,-rpath,"$prefix/lib" || exit 1
  done
  try "events -l$library" "$work/events-$library" $better $address
  try "alarm -l$library" "$work/alarm-$library" $better
done
if [ -n "$valgrind" ]; then
  if command -v valgrind >/dev/null; then
    check="valgrind -q --leak-check=full --errors-for-leak-kinds=definite,possible --error-exitcode=9"
    try "events under valgrind" $check "$work/events-spread" $better $address
  else
    echo "events: no valgrind: SKIPPED"
  fi
fi
exit $failed
