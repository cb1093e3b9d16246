#!/bin/sh
# "make install" places what the documents promise, "make uninstall" removes all of it and nothing else; the unit is
# right and hardened.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
  echo "FAIL $*"
  failed=1
}

prefix=/opt/group-communication
installed=$work/tree$prefix
mkdir -p "$installed/bin" "$installed/share/doc/another"
touch "$installed/bin/another" "$installed/share/doc/another/README"
find "$work/tree" | sort >"$work/before"
make -s -C "$root" install DESTDIR="$work/tree" PREFIX=$prefix >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for file in sbin/spread bin/spuser bin/sptuser bin/spflooder bin/spping bin/spread-check lib/libspread.so.3.0.0 \
  lib/libspread.so.3 lib/libspread.so lib/libspread.a lib/libtspread-core.so.3 lib/libspread-core.so.3 include/sp.h \
  include/sp_events.h include/sp_func.h lib/pkgconfig/spread.pc lib/cmake/Spread/SpreadConfig.cmake \
  share/man/man1/spuser.1 share/man/man3/SP_connect.3 share/man/man5/spread.conf.5 share/man/man5/spread.access_ip.5 \
  share/man/man8/spread.8 lib/systemd/system/spread.service lib/sysusers.d/spread.conf \
  share/doc/spread/examples/spread.conf share/doc/spread/examples/spread.openrc share/doc/spread/operations.md; do
  [ -e "$installed/$file" ] || fail "make install: no $file"
done
# Nothing of the staging place, nor of the building place, in what is installed.
for place in "$work" "$root"; do
  found=$(grep -rlF "$place" "$installed" 2>/dev/null)
  [ -z "$found" ] || fail "names the path $place: $found"
done
unfilled=$(grep -rlE '@[A-Z]+@' "$installed/lib/systemd" "$installed/lib/pkgconfig" "$installed/lib/cmake" \
  "$installed/share/doc")
[ -z "$unfilled" ] || fail "a place is not filled in: $unfilled"
grep -q "^ExecStart=$prefix/sbin/spread " "$installed/lib/systemd/system/spread.service" || fail "the unit's ExecStart"
"$installed/sbin/spread" -c "$installed/share/doc/spread/examples/spread.conf" --check >"$work/log" 2>&1 ||
  fail "the example configuration: $(cat "$work/log")"
sh -n "$installed/share/doc/spread/examples/spread.openrc" || fail "the OpenRC script"

if command -v systemd-analyze >/dev/null; then
  # The exposure from 0 to 10 in tenths: 1.6 as it stands. What remains it needs: network, /tmp, netlink.
  exposure=$(systemd-analyze security --offline=true "$installed/lib/systemd/system/spread.service" 2>/dev/null |
    sed -n 's/.*exposure level.*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
  [ -n "$exposure" ] && [ "$exposure" -le 20 ] || fail "systemd-analyze security: exposure '$exposure' tenths"
  echo "install: systemd-analyze security: exposure $exposure tenths"
else
  echo "install: no systemd-analyze: SKIPPED the unit's exposure"
fi

make -s -C "$root" uninstall DESTDIR="$work/tree" PREFIX=$prefix >"$work/log" 2>&1 || fail "$(cat "$work/log")"
find "$work/tree" ! -type d | sort >"$work/after"
grep -vxFf "$work/before" "$work/after" | while read -r file; do echo "FAIL make uninstall leaves $file"; done
[ -z "$(grep -vxFf "$work/before" "$work/after")" ] || failed=1
[ -e "$installed/bin/another" ] && [ -e "$installed/share/doc/another/README" ] || fail "make uninstall removes too much"
left=$(find "$work/tree" -ipath '*/*spread*')
[ -z "$left" ] || fail "make uninstall leaves $left"

echo "install: failed: $failed"
exit $failed
