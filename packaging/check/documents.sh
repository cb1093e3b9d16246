#!/bin/bash
# What README.md and docs/*.md name is there: targets of make, files, links; the options of spread in commands; the
# configuration and the scenario they show are accepted.
#
#   documents.sh PREFIX [SPREAD-SIM]    an installed tree, and the simulator if it is built
set -u
cd "$(dirname "$0")/../.." || exit 2
prefix=${1:?usage: documents.sh PREFIX [SPREAD-SIM]}
simulator=${2:-}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
  echo "FAIL $*"
  failed=1
}
documents=(README.md docs/*.md)

make -pRrq 2>/dev/null | sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' | sort -u >"$work/targets"
targets=$(grep -ohE '(`|^\$ |^    )make [a-z][a-z-]+' "${documents[@]}" | awk '{ print $NF }' | sort -u)
for target in $targets; do
  grep -qx "$target" "$work/targets" || fail "the documents name make $target, which is not there"
done

# Files in backticks, and links.
for file in $(grep -ohE '`(Sources|Tests|docs|mk|packaging|compat-tests|Fuzz|Benchmarks)/[A-Za-z0-9_./-]+`' \
  "${documents[@]}" | tr -d '`' | sort -u); do
  [ -e "$file" ] || [ -e "$file.swift" ] || case $file in
    Fuzz/NameFuzz.swift) ;;
    *) fail "the documents name $file, which is not there" ;;
  esac
done
for document in "${documents[@]}"; do
  for link in $(grep -oE '\]\([^)]+\)' "$document" | sed 's/^](//; s/)$//; s/#.*//' | grep -v '^http'); do
    [ -e "$(dirname "$document")/$link" ] || fail "$document links to $link, which is not there"
  done
done

# Options of the programs in commands.
"$prefix/sbin/spread" --help >"$work/spread.help"
for option in $(grep -ohE '^(    |\$ )spread( |$).*|`spread [^`]*`' "${documents[@]}" | grep -oE ' -{1,2}[a-z][a-z-]*' | sort -u); do
  grep -qE -- "^ +$option( |\$)" "$work/spread.help" || fail "the documents name spread $option, which --help does not know"
done

# The configuration of the README.
awk '/^Spread_Segment/ { on = 1 } on { print } /^}/ && on { exit }' README.md >"$work/spread.conf"
"$prefix/sbin/spread" -c "$work/spread.conf" --check >"$work/out" 2>&1 || fail "the README's spread.conf: $(cat "$work/out")"

# The scenario of docs/testing.md.
if [ -n "$simulator" ] && [ -x "$simulator" ]; then
  awk '/^    # Two members/ { on = 1 } on && /^    / { print substr($0, 5) } on && !/^    / { exit }' docs/testing.md \
    >"$work/scenario.txt"
  timeout -k 5 60 "$simulator" --scenarios --rewrite "$work/scenario.txt" >"$work/out" 2>&1
  grep -q '0 failures' "$work/out" || fail "the scenario of docs/testing.md: $(cat "$work/out")"
else
  echo "*** NOT TESTED: the scenario of docs/testing.md, because the simulator is not built (make scenarios)"
fi
echo "*** NOT RUN from the documents: what needs root or another machine (systemctl, nft, iptables, ss, podman), what runs"
echo "*** without end or for long (make run, make sim, make bugbank, make chaos, make bench, make fuzz, spuser, spping)"
echo "documents: $(echo "$targets" | wc -l) make targets, failed: $failed"
exit $failed
