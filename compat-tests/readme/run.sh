#!/usr/bin/env bash
# The C and Python examples of README.md, built and run against an installed tree and a daemon. Their address "4803" is
# replaced by the daemon's.
#
#   run.sh PREFIX ADDRESS
set -u
prefix=${1:?usage: run.sh PREFIX ADDRESS}
address=${2:?usage: run.sh PREFIX ADDRESS}
readme=$(cd "$(dirname "$0")/../.." && pwd)/README.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
block() { awk -v start="^\`\`\`$1\$" '$0 ~ start { on = 1; next } /^```/ { on = 0 } on' "$readme" | sed "s/4803/$address/"; }
failed=0 passed=0
check() {
  if grep -q "$2" "$work/out"; then passed=$((passed + 1)); else echo "FAIL $1: $(cat "$work/out")"; failed=1; fi
}

block c >"$work/hello.c"
${CC:-cc} -Wall -Werror "$work/hello.c" $(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs spread) \
  -Wl,-rpath,"$prefix/lib" -o "$work/hello" && timeout 20 "$work/hello" >"$work/out" 2>&1
check C '^#carol#.* says hello$'
block python >"$work/hello.py"
LD_LIBRARY_PATH=$prefix/lib timeout 20 "${PYTHON:-python3}" "$work/hello.py" >"$work/out" 2>&1
check Python '^connected as #dave#'
echo "README examples: $passed passed, failed: $failed"
exit $failed
