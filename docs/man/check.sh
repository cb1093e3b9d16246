#!/bin/sh
# The manual pages are well formed, there is one for every public function and none for anything else, one for every
# program and file, and they refer to pages that are there.
set -u
cd "$(dirname "$0")" || exit 2
failed=0
fail() {
  echo "FAIL $*"
  failed=1
}

all=$(ls ./*.[1-8])
# shellcheck disable=SC2086  # names without blanks
pages=$(grep -L '^\.so ' $all)
if command -v mandoc >/dev/null; then
  for page in $pages; do
    # Which other pages this machine has is not a property of the page.
    problems=$(mandoc -T lint -W warning "$page" 2>&1 | grep -v 'mandoc\.db')
    [ -z "$problems" ] || fail "$problems"
  done
else
  echo "man: no mandoc: SKIPPED its checks"
fi
if command -v groff >/dev/null; then
  for page in $pages; do
    problems=$(groff -mdoc -Tutf8 -ww "$page" 2>&1 >/dev/null)
    [ -z "$problems" ] || fail "$problems"
  done
else
  echo "man: no groff: SKIPPED its checks"
fi

# A page or a link for every function of the headers; its page names it; links lead somewhere.
functions=$(cat ../../include/sp_func.h ../../include/sp_events.h ../../include/fl.h |
  sed -n 's/^[a-z][a-z_ ]*[ *]\([SEF][PL]*_[a-z_]*\)(.*/\1/p')
count=0
for function in $functions; do
  count=$((count + 1))
  if [ ! -e "$function.3" ]; then
    fail "no page for $function"
    continue
  fi
  page=$(sed -n 's/^\.so man3\///p' "$function.3")
  page=${page:-$function.3}
  if [ ! -e "$page" ]; then
    fail "$function.3 leads to $page, which is not there"
  elif ! sed -n '/^\.Sh NAME/,/^\.Nd/p' "$page" | grep -q "^\.Nm $function\( ,\)*$"; then
    fail "$page does not name $function"
  elif ! grep -q "^\.F[no] $function\b" "$page"; then
    fail "$page has no synopsis of $function"
  fi
done
[ "$count" -eq 67 ] || fail "the headers have $count functions of SP, E and FL, not 67"
for page in [SEF]*_*.3; do
  [ "$page" = E_events.3 ] || echo "$functions" | grep -qx "${page%.3}" || fail "$page is about no public function"
done

# A page for every program and file; the title is that of the file, links lead somewhere.
for name in spread.8 spread.conf.5 spread.access_ip.5 spmonitor.8 spuser.1 sptuser.1 spflooder.1 spping.1 \
  spread-check.1 flush_user.1; do
  [ -e "$name" ] || fail "no page $name"
done
for page in $pages; do
  page=${page#./}
  title="$(echo "${page%.*}" | tr '[:lower:]' '[:upper:]') ${page##*.}"
  grep -qx "\.Dt $title" "$page" || fail "$page is not titled $title"
done
for page in $(grep -l '^\.so ' $all); do
  target=$(sed -n 's/^\.so man[1-8]\///p' "$page")
  [ -e "$target" ] || fail "$page leads to $target, which is not there"
done
# References among our own pages.
# shellcheck disable=SC2086
sed -n 's/^\.Xr \([^ ]*\) \([1-8]\).*/\1.\2/p' $pages | sort -u | grep -E '^(SP|E|FL)_|spread|^sp|^flush_user' |
  while read -r reference; do [ -e "$reference" ] || echo "$reference"; done >"${TMPDIR:-/tmp}/missing.$$"
while read -r reference; do fail "a page refers to $reference, which is not there"; done <"${TMPDIR:-/tmp}/missing.$$"
rm -f "${TMPDIR:-/tmp}/missing.$$"

echo "man: $count functions, $(echo "$pages" | wc -l) pages, failed: $failed"
exit $failed
