#!/bin/sh
# The options in the manual pages of the programs are those of their --help.
#
#   pages.sh PREFIX    an installed tree
set -u
prefix=${1:?usage: pages.sh PREFIX}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0 programs=0

# The options at the beginning of a line of the help text: "-s ADDRESS", "-n, -p", "-ro", "[-u <user>]".
of_help() { sed -n 's/^[[:space:]]\{1,\}\[\{0,1\}\(-[^] ]*.*\)/\1/p' "$1" | sed 's/[[:space:]]\{2,\}.*//' | tr ', ' '\n\n' | grep '^-'; }
# Those of the lists: ".It Fl s Ar address", ".It Fl n Ar name , Fl p Ar password".
of_page() {
  grep '^\.It Fl' "$1" | grep -oE 'Fl [-a-z]+' | sed 's/^Fl /-/'
}

for program in "$prefix"/bin/* "$prefix"/sbin/*; do
  [ -x "$program" ] || continue
  name=$(basename "$program")
  page=$(ls "$prefix"/share/man/man[18]/"$name".[18] 2>/dev/null)
  if [ -z "$page" ]; then
    echo "FAIL $name: no manual page"
    failed=1
    continue
  fi
  target=$(sed -n 's/^\.so //p' "$page")
  [ -z "$target" ] || page=$prefix/share/man/$target
  timeout 10 "$program" --help >"$work/help" 2>&1 </dev/null
  of_help "$work/help" | sort -u >"$work/of-help"
  of_page "$page" | sort -u >"$work/of-page"
  programs=$((programs + 1))
  if [ ! -s "$work/of-help" ] || ! diff "$work/of-help" "$work/of-page" >"$work/difference"; then
    echo "FAIL $name: the options of --help (<) and of $(basename "$page") (>) differ:"
    cat "$work/difference"
    failed=1
  fi
done
[ $programs -gt 0 ] || failed=1
echo "pages: options of $programs programs compared, failed: $failed"
exit $failed
