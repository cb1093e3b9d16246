#!/bin/sh
# Checks the built libraries in a directory, with the lists of what they export beside them (c-api 1).
set -eu
directory=$1
failures=0

fail() {
  echo "check-lib: $*" >&2
  failures=$((failures + 1))
}

for name in spread tspread-core spread-core; do
  exports=$directory/exports-$name
  file=$directory/lib$name.so.3.0.0
  size=$(stat -c %s "$file")
  [ "$size" -le 204800 ] || fail "$file has $size bytes, more than 200 KB"

  soname=$(objdump -p "$file" | awk '$1 == "SONAME" { print $2 }')
  [ "$soname" = "lib$name.so.3" ] || fail "$file has soname $soname"

  for needed in $(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }'); do
    case $needed in
    libc.so.6 | libm.so.6) ;;
    *) fail "$file needs $needed" ;;
    esac
  done
  if objdump -p "$file" | grep -Eq 'RUNPATH|RPATH'; then fail "$file has a run path"; fi

  newest=$(objdump -T "$file" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
  highest=$(printf '%s\nGLIBC_2.25\n' "$newest" | sort -V | tail -1)
  [ "$highest" = GLIBC_2.25 ] || fail "$file needs $newest, newer than GLIBC_2.25"

  nm -D --defined-only "$file" | awk '{ print $3 }' | LC_ALL=C sort | diff "$exports" - >&2 ||
    fail "$file does not export what $exports lists"

  archive=$directory/lib$name.a
  nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort | diff "$exports" - >&2 ||
    fail "$archive does not define what $exports lists"

  echo "check-lib: lib$name.so.3.0.0 $size bytes, newest symbol version $newest, $(wc -l < "$exports") symbols"
done
exit $((failures > 0))
