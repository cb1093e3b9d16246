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
# Every event of the log and every reason is in docs/operations.md, and nothing else is in its tables.
grep -rhoE '"[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*){1,2}"' Sources/SpreadPlatform Sources/spread-daemon |
  tr -d '"' | grep -vxE 'spread\.conf' | sort -u >"$work/events"
grep -oE '^\| `[a-z-]+\.[a-z.-]+`' docs/operations.md | tr -d '|` ' | sort -u >"$work/documented"
[ "$(wc -l <"$work/events")" -gt 30 ] || fail "the events of the log were not found in the sources"
diff "$work/events" "$work/documented" >"$work/out" ||
  fail "events of the log in the sources (<) and in docs/operations.md (>): $(grep '^[<>]' "$work/out")"
reasons=$(awk '/^extension/ { prefix = "" } /^extension HeaderViolation/ { prefix = "bad-message-" }
  /^extension AuthenticationRefusal/ { prefix = "authentication-" } /^extension MonitorDenial/ { prefix = "monitor-" }
  /^extension StopReason.OwnChange/ { prefix = "changed-" }
  /var name: String/ { on = 1 } /var text: String/ { on = 0 }
  on && /case \.[a-zA-Z]+(\(.*\))?: "[a-z-]+"$/ { split($0, part, "\""); print prefix part[2] }' \
  Sources/SpreadPlatform/LogText.swift)
[ "$(echo "$reasons" | wc -l)" -gt 40 ] || fail "the reasons in the log were not found in the sources"
for reason in $reasons; do
  grep -qF "\`$reason\`" docs/operations.md || fail "docs/operations.md does not explain the reason $reason"
done
# Every setting of our own is in the manual page.
for setting in $(sed -n 's/.*OwnSetting(name: "\([A-Za-z0-9]*\)".*/\1/p' \
  Sources/SpreadCore/Configuration/OwnSettings.swift); do
  grep -q "^\.It Cm #@ $setting " docs/man/spread.conf.5 || fail "spread.conf.5 does not explain #@ $setting"
done
# The time limits of docs/operations.md are a configuration.
{
  printf 'Spread_Segment 127.0.0.255:4803 {\n  d1 127.0.0.1\n}\n'
  awk '/^TokenTimeout/ { on = 1 } /^```/ { on = 0 } on' docs/operations.md
} >"$work/times.conf"
"$prefix/sbin/spread" -c "$work/times.conf" --check >"$work/out" 2>&1 || fail "the time limits: $(cat "$work/out")"
grep -q '^TokenTimeout' "$work/times.conf" || fail "docs/operations.md shows no time limits"

python3 -B packaging/check/commands.py "$prefix" "$simulator" || failed=1
echo "documents: $(echo "$targets" | wc -l) make targets, failed: $failed"
exit $failed
