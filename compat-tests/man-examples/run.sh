#!/bin/sh
# Takes the program out of the EXAMPLES of each manual page, compiles it with all warnings as errors, runs it against a
# daemon, and looks at what it prints.
#
#   run.sh PREFIX ADDRESS
#
#   PREFIX    where include/ and lib/ are
#   ADDRESS   of a daemon, as port@host
set -u
prefix=${1:?usage: run.sh PREFIX ADDRESS}
address=${2:?usage: run.sh PREFIX ADDRESS}
pages=$(cd "$(dirname "$0")/../../docs/man" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0 passed=0

# The literal block of EXAMPLES, with the escapes of the page turned back.
extract() {
  awk '/^\.Sh EXAMPLES/ { here = 1 } /^\.Sh / && !/EXAMPLES/ { here = 0 }
       here && /^\.Ed/ { taken = 0 } taken { gsub(/\\e/, "\\"); sub(/^\\&/, ""); print }
       here && /^\.Bd -literal/ { taken = 1 }' "$1"
}

# What each example prints, as extended regular expressions that must match lines in this order.
expected() {
  case $1 in
    SP_connect) echo '^connected as #r[^#]*#.+$' ;;
    SP_disconnect | SP_join) ;;
    SP_multicast) echo '^19 bytes sent$' ;;
    SP_receive) printf '%s\n' '^greetings now has 1 members, first #r.*#.+$' '^#r.*#.* says: Hello, all!$' ;;
    SP_get_memb_info)
      printf '%s\n' '^view [0-9a-f]+\.[0-9a-f]+\.[0-9a-f]+ of weather, I am number 0 of 1$' '^  member #r' \
        '^  changed: #r' ;;
    SP_poll) printf '%s\n' '^0 bytes before joining$' '^and now there are some$' ;;
    SP_error) printf '%s\n' '^cannot join: .+$' '^SP_error: \(-11\) .+$' ;;
    SP_version) echo '^library 5\.0\.1, header 5\.0$' ;;
    SP_set_auth_method) echo '^1 call$' ;;
    E_events)
      printf '%s\n' '^membership of chat$' '^#r[^#]*#.*: hello from the keyboard$' '^1$' '^2$' '^3$' ;;
    E_attach_fd) printf '%s\n' '^hello from the keyboard$' ;;
    E_queue) seq 1 10 | sed 's/.*/^&$/' ;;
    FL_connect) echo '^Flush 2\.0\.0 as #r[^#]*#.+$' ;;
    FL_join) printf '%s\n' '^careful has 1 members$' '^left$' ;;
    FL_multicast) echo '^to me\.\.\. in group careful$' ;;
    FL_receive) printf '%s\n' '^view of careful, changed: 1, first #r' '^0 messages wait$' ;;
    E_get_time) echo '^0\.0[5-9][0-9]* s$' ;;
    *) return 1 ;;
  esac
}

# Each expression matches a line behind the one before.
matches() { # expressions, output
  awk -v expressions="$1" '
    BEGIN { while ((getline line < expressions) > 0) wanted[++count] = line; next_one = 1 }
    next_one <= count && $0 ~ wanted[next_one] { next_one++ }
    END { exit next_one <= count }' "$2"
}

for page in "$pages"/*.3; do
  name=$(basename "$page" .3)
  grep -q '^\.so ' "$page" && continue
  [ "$name" = libspread ] && continue
  extract "$page" >"$work/$name.c"
  if ! grep -q 'int main' "$work/$name.c" || ! expected "$name" >"$work/$name.expected"; then
    echo "FAIL $name: no program, or nothing is expected of it"
    failed=1
    continue
  fi
  if ! ${CC:-cc} -std=gnu99 -Wall -Wextra -Wpedantic -Werror -I"$prefix/include" "$work/$name.c" -o "$work/$name" \
    -L"$prefix/lib" -lspread -Wl,-rpath,"$prefix/lib"; then
    failed=1
    continue
  fi
  echo "hello from the keyboard" | timeout -k 5 30 "$work/$name" "$address" >"$work/$name.output" 2>&1
  status=$?
  if [ $status -eq 0 ] && matches "$work/$name.expected" "$work/$name.output"; then
    passed=$((passed + 1))
  else
    echo "FAIL $name: status $status, printed"
    cat "$work/$name.output"
    failed=1
  fi
done
echo "man examples: $passed passed, failed: $failed"
exit $failed
