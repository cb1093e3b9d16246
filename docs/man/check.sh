#!/bin/sh
# The manual pages are well formed, there is one for every public function, and none for anything else.
set -u
cd "$(dirname "$0")" || exit 2
failed=0
fail() {
  echo "FAIL $*"
  failed=1
}

pages=$(grep -L '^\.so ' ./*.3)
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
# References among our own pages.
for reference in $(sed -n 's/.*\.*Xr \([A-Za-z_]*\) 3.*/\1/p' $pages | sort -u); do
  case $reference in
    SP_* | E_* | FL_* | libspread) [ -e "$reference.3" ] || fail "a page refers to $reference(3), which is not there" ;;
  esac
done

echo "man: $count functions, $(echo "$pages" | wc -l) pages, failed: $failed"
exit $failed
