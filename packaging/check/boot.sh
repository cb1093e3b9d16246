#!/bin/bash
# The service of the Debian packages under a booted systemd: a container of systemd-nspawn in which it is installed,
# started, asked, reloaded, killed, upgraded, stopped and removed.
#
#   boot.sh DIRECTORY CHROOT    as root
#
# DIRECTORY  the packages of "make deb"; those in DIRECTORY/later, if there are any, are the upgrade
# CHROOT     a minimal Debian that debootstrap has made; it is copied. systemd is installed in the copy from the network.
set -u
packages=$(cd "${1:?usage: boot.sh DIRECTORY CHROOT}" && pwd) || exit 2
base=${2:?usage: boot.sh DIRECTORY CHROOT}
if ! command -v systemd-nspawn >/dev/null; then
  echo "*** NOT TESTED: the booted service, because there is no systemd-nspawn"
  exit 0
fi
work=$(mktemp -d /var/tmp/spread-boot.XXXXXX) || exit 2
trap 'rm -rf --one-file-system "$work"' EXIT
debian=$work/debian
cp -a "$base" "$debian" || exit 2
cp /etc/resolv.conf "$debian/etc/resolv.conf"
mkdir -p "$debian/probe"
cp -r "$packages"/*.deb "$debian/probe"
if [ -d "$packages/later" ]; then cp -r "$packages/later" "$debian/probe"; fi
if ! timeout -k 5 300 chroot "$debian" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
  sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus' \
  >"$work/log" 2>&1; then
  echo "*** NOT TESTED: the booted service, because systemd could not be installed in the container"
  tail -3 "$work/log"
  exit 0
fi

cat >"$debian/probe/probe.sh" <<'PROBE'
cd /probe
check() { # what, command...
  what=$1
  shift
  if "$@" >out 2>&1; then echo "ok   $what"; else echo "FAIL $what"; tail -5 out; fi
}
told() { journalctl -u spread --no-pager | grep "$1"; }
main() { systemctl show -p MainPID --value spread; }
speaks() {
  { printf 'j tea\ns tea\nhello\n'; sleep 1; echo q; } | timeout 20 spuser -u guest | grep hello
}
check "installs" dpkg -i libspread3_*.deb spread_*.deb spread-tools_*.deb
check "runs" systemctl is-active spread
check "is enabled" systemctl is-enabled spread
check "says what it does" sh -c 'systemctl show -p StatusText spread | grep "StatusText=."'
check "runs as spread" sh -c '[ "$(stat -c %U /proc/'"$(main)"')" = spread ]'
check "has no capability" grep -q 'CapEff:.0*$' "/proc/$(main)/status"
check "keeps its state" sh -c 'ls /var/lib/spread/membership-time.*'
check "serves clients" speaks
before=$(main)
check "reloads" systemctl reload spread
check "has read its file again" told reload.done
echo garbage >>/etc/spread/spread.conf
systemctl reload spread
check "refuses a wrong file" told configuration.refused
sed -i '$d' /etc/spread/spread.conf
check "goes on" test "$before" = "$(main)"
kill -9 "$before"
sleep 3
check "is started again after a crash" systemctl is-active spread
check "as another process" test "$before" != "$(main)"
check "serves clients again" speaks
if [ -d later ]; then
  before=$(main)
  check "upgrades" dpkg -i later/libspread3_*.deb later/spread_*.deb later/spread-tools_*.deb
  check "runs after the upgrade" systemctl is-active spread
  check "is another process" test "$before" != "$(main)"
fi
check "stops" systemctl stop spread
check "stopped in order" sh -c '[ "$(systemctl show -p Result --value spread)" = success ]'
check "leaves no socket" test ! -e /tmp/4803
systemctl start spread
check "is removed" dpkg -r spread spread-tools
check "no longer runs" sh -c '! systemctl is-active spread && ! [ -e /tmp/4803 ]'
journalctl -u spread --no-pager >journal
echo end
PROBE
cat >"$debian/etc/systemd/system/probe.service" <<UNIT
[Unit]
After=basic.target dbus.service
[Service]
Type=simple
StandardOutput=file:/probe/result
StandardError=file:/probe/result
ExecStart=/bin/bash /probe/probe.sh
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
UNIT
ln -s /etc/systemd/system/probe.service "$debian/etc/systemd/system/multi-user.target.wants/probe.service"
timeout -k 5 180 systemd-nspawn -q -b -D "$debian" --private-network --register=no --keep-unit </dev/null >"$work/boot" 2>&1
if ! grep -qx end "$debian/probe/result" 2>/dev/null; then
  echo "FAIL the container did not come to the end:"
  cat "$debian/probe/result" 2>/dev/null
  tail -20 "$work/boot"
  exit 1
fi
grep -v '^ok' "$debian/probe/result" | grep -vx end
failed=$(grep -c '^FAIL' "$debian/probe/result")
[ "$failed" = 0 ] || grep -v ' spread\[' "$debian/probe/journal"
echo "boot: $(grep -c '^ok' "$debian/probe/result") checks passed, failed: $failed"
[ "$failed" = 0 ]
