#!/bin/bash
# The Debian packages in a fresh Debian: install, run, upgrade, remove, purge; what is left behind.
#
#   deb.sh DIRECTORY [CHROOT]    as root
#
# DIRECTORY  the packages of "make deb"
# CHROOT     a minimal Debian that debootstrap has made; it is copied and not touched. Without it one is made, which
#            needs debootstrap and a Debian mirror (DEB_SUITE=bookworm). The network is also asked for the compiler
#            that uses the development package.
set -u
packages=$(cd "${1:?usage: deb.sh DIRECTORY [CHROOT]}" && pwd) || exit 2
base=${2:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
[ "$(id -u)" = 0 ] || { echo "deb: chroot needs root: SKIPPED everything" >&2; exit 1; }
work=$(mktemp -d /var/tmp/spread-deb.XXXXXX) || exit 2
debian=$work/debian
trap 'rm -rf --one-file-system "$work"' EXIT
failed=0 passed=0
check() { # what, command...
  local what=$1
  shift
  if "$@" >"$work/out" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $what:"
    tail -20 "$work/out"
  fi
}
inside() { timeout -k 5 300 chroot "$debian" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
not() { ! "$@"; }

if [ -n "$base" ]; then
  cp -a "$base" "$debian" || exit 2
else
  debootstrap --variant=minbase "${DEB_SUITE:-bookworm}" "$debian" >"$work/log" 2>&1 || { tail "$work/log"; exit 2; }
fi
cp /etc/resolv.conf "$debian/etc/resolv.conf"
mkdir "$debian/packages"
cp "$packages"/*.deb "$debian/packages"

if command -v lintian >/dev/null; then
  # Who builds the packages names himself with DEBEMAIL.
  check "lintian has no errors" lintian --fail-on error --allow-root "$packages"/*.deb --suppress-tags \
    bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact
else
  echo "*** NOT TESTED: lintian is not installed"
fi

# What there is, without what package managers write for themselves.
contents() {
  (cd "$debian" && find . -path ./packages -prune -o -path ./var/lib/dpkg -prune -o -path ./var/cache -prune -o \
    -path ./var/log -prune -o -path ./var/lib/apt -prune -o -path ./etc/passwd- -prune -o -path ./etc/group- -prune -o \
    -path ./etc/shadow- -prune -o -path ./etc/gshadow- -prune -o -path './etc/subuid*' -prune -o \
    -path './etc/subgid*' -prune -o -path ./etc/.pwd.lock -prune -o -path ./dev -prune -o -print) | sort
}
contents >"$work/before"
cp -a "$debian" "$work/fresh"

install() { inside sh -c "apt-get install -y --no-install-recommends --allow-downgrades $*"; }

# A daemon as the unit starts it, in a network of its own, and a client of the tools.
life() {
  unshare -n bash -c '
    ip link set lo up
    run() { chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin "$@"; }
    chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin setpriv --reuid spread --regid spread --init-groups \
      env STATE_DIRECTORY=/var/lib/spread /usr/sbin/spread \
      >"$0/packages/log" 2>&1 </dev/null &
    daemon=$!
    for _ in $(seq 100); do [ -S "$0/tmp/4803" ] && break; sleep 0.1; done
    printf "j tea\ns tea\nhello from a package\n" >"$0/packages/input"
    { cat "$0/packages/input"; sleep 1; echo q; } | run timeout 20 spuser -u guest >"$0/packages/screen" 2>&1
    kill -TERM $daemon
    wait $daemon
    echo "exit status $?"
    cat "$0/packages/log" "$0/packages/screen"
    grep -q "hello from a package" "$0/packages/screen" && grep -q "daemon.stopped" "$0/packages/log"
  ' "$debian"
}

check "installs" install /packages/libspread3_*.deb /packages/spread_*.deb /packages/spread-tools_*.deb
check "has the user" inside getent passwd spread
check "the unit is enabled" test -L "$debian/etc/systemd/system/multi-user.target.wants/spread.service"
check "the configuration is right" inside spread --check
check "runs and serves" life
check "remembers its last membership" sh -c "ls '$debian'/var/lib/spread/membership-time.*"
check "leaves no socket" not test -e "$debian/tmp/4803"
check "pages are there" inside sh -c 'zcat /usr/share/man/man8/spread.8.gz | grep -q "^.Dt SPREAD 8"'
for program in spuser sptuser flush_user spflooder spping spmonitor spread-check; do
  # Swift programs read their arguments from /proc.
  check "$program runs" unshare -m sh -c "mount -t proc proc '$debian/proc' && chroot '$debian' $program --help"
done
check "spmonitor has its page" inside sh -c 'zcat /usr/share/man/man8/spmonitor.8.gz | grep -q "^.Dt SPMONITOR 8"'
for name in spread tspread-core spread-core; do
  check "lib$name has its soname" sh -c \
    "readelf -d '$debian'/usr/lib/*/lib$name.so.3 | grep -F 'Library soname: [lib$name.so.3]'"
done

# An upgrade keeps what the administrator wrote.
echo "# written by the administrator" >>"$debian/etc/spread/spread.conf"
version=$(dpkg-deb -f "$packages"/spread_*.deb Version)
check "a later version builds" env DEB_VERSION="$version.1" "$root/packaging/debian/build.sh" "$work/later"
cp "$work/later"/*.deb "$debian/packages"
check "upgrades" install /packages/libspread3_"$version".1_*.deb /packages/spread_"$version".1_*.deb \
  /packages/spread-tools_"$version".1_*.deb
check "is the later version" inside sh -c "dpkg-query -W -f '\${Version}' spread | grep -Fx '$version.1'"
check "keeps the configuration" grep -q "written by the administrator" "$debian/etc/spread/spread.conf"
check "runs after the upgrade" life

# The service, where a container can be booted.
mkdir "$work/boot"
cp "$packages"/*.deb "$work/boot"
cp -r "$work/later" "$work/boot/later"
if "$root/packaging/check/boot.sh" "$work/boot" "$work/fresh"; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
fi

# Programs can be built with the development package.
if inside sh -c 'apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev pkg-config' >"$work/log" 2>&1; then
  check "the development package installs" install /packages/libspread-dev_"$version".1_*.deb
  for page in SP_connect FL_connect E_attach_fd; do
    check "has the page of $page" inside sh -c "zcat /usr/share/man/man3/$page.3.gz | grep -q '^.Sh SYNOPSIS'"
  done
  cp "$root/packaging/check/program/program.c" "$debian/packages"
  check "a program is built with it" inside sh -c \
    'gcc /packages/program.c $(pkg-config --cflags --libs spread) -o /packages/program && /packages/program |
     grep "library 5.0.1"'
  inside apt-get purge -y --auto-remove libspread-dev gcc libc6-dev pkg-config >"$work/log" 2>&1
else
  echo "*** NOT TESTED: the development package, because no compiler could be installed"
  tail -3 "$work/log"
fi

check "is removed" inside apt-get remove -y spread spread-tools libspread3
check "keeps the configuration when it is removed" test -e "$debian/etc/spread/spread.conf"
check "is no longer there" not test -e "$debian/usr/sbin/spread"
check "is installed again" install /packages/libspread3_"$version".1_*.deb /packages/spread_"$version".1_*.deb \
  /packages/spread-tools_"$version".1_*.deb
check "runs again" life
check "is purged" inside apt-get purge -y spread spread-tools libspread3
check "the user is gone" not inside getent passwd spread
check "the group is gone" not inside getent group spread
contents >"$work/after"
check "nothing is left behind" sh -c "comm -13 '$work/before' '$work/after' | grep . && exit 1 || exit 0"

echo "deb: $passed checks passed, failed: $failed"
[ $failed = 0 ]
