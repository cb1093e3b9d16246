#!/usr/bin/env bash
# Plays the recordings of Tests/Vectors/client over sockets to the daemon of an installed tree, under each name and
# setting they were recorded with. (Tests/CoreTests/Replay plays them to the core.)
#
#   run.sh PREFIX
set -u
prefix=$(cd "${1:?usage: run.sh PREFIX}" && pwd) || exit 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${PYTHON:=python3}"
work=$(mktemp -d)
daemon=
stop() { [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; daemon=; }; }
trap 'stop; rm -rf "$work"' EXIT
printf 'unix\n127.0.0.0/8\n' >"$work/spread.access_ip"
failed=0 passed=0

# play NAME CONF SETTINGS
play() {
  local port=$((32000 + RANDOM % 700)) summary
  {
    printf 'Spread_Segment 127.0.0.255:%s {\n  %s 127.0.0.1\n}\n' "$port" "$1"
    printf 'DaemonUser = %s\nDaemonGroup = %s\n%b' "$(id -un)" "$(id -gn)" "$3"
  } >"$work/spread.conf"
  (cd "$work" && exec "$prefix/sbin/spread" -c spread.conf -n "$1") >"$work/log" 2>&1 &
  daemon=$!
  for _ in $(seq 50); do grep -q daemon.started "$work/log" && break; sleep 0.1; done
  timeout -k 5 300 "$PYTHON" -B "$here/replay_client.py" --conf "$2" 127.0.0.1 "$port" >"$work/out" 2>&1 || failed=1
  grep FAIL "$work/out"
  summary=$(tail -1 "$work/out")
  echo "$1, $2: $summary"
  passed=$((passed + $(echo "$summary" | sed -n 's/^\([0-9]*\) pass.*/\1/p')))
  stop
}

play d1 default ''
play solo default ''
play solo ip 'AllowedAuthMethods = "NULL IP"\n'
play solo ip2 'RequiredAuthMethods = "IP"\nAllowedAuthMethods = "NULL IP"\n'
play solo ip3 'AllowedAuthMethods = "IP"\n'
# A recording that was never played would prove nothing.
[ "$passed" -ge 90 ] || failed=1
echo "recordings over sockets: $passed played, failed: $failed"
exit $failed
