#!/bin/sh
# Debian packages of what "make install" places:
#
#   spread         the daemon, its unit, user, configuration in /etc/spread, documents
#   spread-tools   programs for the command line
#   libspread3     the client library under its three names
#   libspread-dev  headers, static libraries, pkg-config and CMake files, manual pages of the functions
#
#   build.sh DIRECTORY    where the packages go; DEBFULLNAME=, DEBEMAIL= name who builds them
#
# The programs are built by the Swift toolchain of this machine, so this is a recipe for dpkg-deb and not a source
# package: Debian itself could not build them.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:?usage: build.sh DIRECTORY}
for tool in dpkg-deb dpkg-shlibdeps dpkg-architecture; do
  command -v $tool >/dev/null || { echo "deb: no $tool: apt-get install dpkg-dev" >&2; exit 1; }
done
architecture=$(dpkg-architecture -qDEB_HOST_ARCH)
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
own=$(sed -n 's/.*static let version = "\(.*\)".*/\1/p' "$root/Sources/spread-daemon/Options.swift")
# What it is compatible with, and its own version: newer than packages of Spread 5.0.1 and older.
version=${DEB_VERSION:-5.0.1+$own-1}
maintainer="${DEBFULLNAME:-Built on this machine} <${DEBEMAIL:-root@localhost}>"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "$out/tree" "$out/packages" "$out"/*.deb
make -s -C "$root" install DESTDIR="$out/tree" PREFIX=/usr LIBDIR="/usr/lib/$multiarch" UNITDIR=/lib/systemd/system \
  SYSUSERSDIR=/usr/lib/sysusers.d >"$out/install.log" 2>&1 || { tail -20 "$out/install.log" >&2; exit 1; }

# take PACKAGE PATTERN...: moves what matches from the installed tree into the package.
take() {
  package=$1
  shift
  for pattern in "$@"; do
    (cd "$out/tree" && find . ! -type d -path "./$pattern") >"$out/taken"
    [ -s "$out/taken" ] || { echo "deb: $package: nothing is $pattern" >&2; exit 1; }
    while read -r file; do
      mkdir -p "$out/packages/$package/$(dirname "$file")"
      mv "$out/tree/$file" "$out/packages/$package/$file"
    done <"$out/taken"
  done
}
take libspread3 "usr/lib/$multiarch/lib*.so.3*"
take libspread-dev "usr/lib/$multiarch/*" 'usr/include/*' 'usr/share/man/man3/*'
take spread-tools 'usr/bin/*' 'usr/share/man/man1/*'
take spread-tools 'usr/share/man/man8/spmonitor.8'
mkdir -p "$out/tree/etc/spread"
cp "$root/packaging/spread.conf" "$out/tree/etc/spread/spread.conf"
take spread 'usr/sbin/*' 'lib/systemd/*' 'usr/lib/sysusers.d/*' 'etc/spread/*' 'usr/share/doc/*' 'usr/share/man/*'
left=$(find "$out/tree" ! -type d)
[ -z "$left" ] || { echo "deb: in no package: $left" >&2; exit 1; }

# What dpkg-shlibdeps wants to see; our own library is not asked for.
mkdir -p "$out/packages/shlibs/debian"
printf 'Source: spread\n\nPackage: spread\nArchitecture: any\n' >"$out/packages/shlibs/debian/control"
needs() { # package
  files=$(find "$out/packages/$1" -type f \( -path '*/bin/*' -o -path '*/sbin/*' -o -name '*.so.*' \))
  # shellcheck disable=SC2086
  (cd "$out/packages/shlibs" && dpkg-shlibdeps -O --ignore-missing-info $files 2>/dev/null) |
    sed -n 's/^shlibs:Depends=//p'
}

# finish PACKAGE SECTION DESCRIPTION < fields and the long description
finish() {
  package=$1 section=$2 description=$3
  directory=$out/packages/$package
  documents=$directory/usr/share/doc/$package
  mkdir -p "$directory/DEBIAN" "$documents"
  # The first fields, with the rest of the standard input in between.
  cat >"$out/fields"
  cp "$root/packaging/debian/copyright" "$documents/copyright"
  printf 'spread (%s) unstable; urgency=medium\n\n  * Built from the sources, version %s.\n\n -- %s  %s\n' \
    "$version" "$own" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$documents/changelog.Debian.gz"
  # Links between pages become links between files, which compress as they are.
  find "$directory/usr/share/man" -type f 2>/dev/null | while read -r page; do
    target=$(sed -n '1s/^\.so //p' "$page")
    if [ -n "$target" ]; then
      rm "$page"
      ln -s "$(basename "$target").gz" "$page.gz"
    else
      gzip -9n "$page"
    fi
  done
  find "$directory" -type d -exec chmod 755 {} +
  # Debian's rule for libraries.
  find "$directory" -name 'lib*.so.*' -type f -exec chmod 644 {} +
  if [ -e "$root/packaging/debian/$package.overrides" ]; then
    mkdir -p "$directory/usr/share/lintian/overrides"
    cp "$root/packaging/debian/$package.overrides" "$directory/usr/share/lintian/overrides/$package"
  fi
  if [ -d "$directory/etc" ]; then (cd "$directory" && find etc -type f | sed 's|^|/|') >"$directory/DEBIAN/conffiles"; fi
  for script in postinst prerm postrm shlibs triggers; do
    [ ! -e "$root/packaging/debian/$package.$script" ] || cp "$root/packaging/debian/$package.$script" "$directory/DEBIAN/$script"
  done
  for script in postinst prerm postrm; do [ ! -e "$directory/DEBIAN/$script" ] || chmod 755 "$directory/DEBIAN/$script"; done
  (cd "$directory" && find . -path ./DEBIAN -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum |
    sed 's|  \./|  |') >"$directory/DEBIAN/md5sums"
  {
    echo "Package: $package"
    echo "Source: spread"
    echo "Version: $version"
    echo "Section: $section"
    echo "Priority: optional"
    echo "Architecture: $architecture"
    echo "Maintainer: $maintainer"
    echo "Installed-Size: $(du -k -s --exclude=DEBIAN "$directory" | cut -f1)"
    grep '^[A-Z]' "$out/fields"
    echo "Description: $description"
    grep '^ ' "$out/fields"
  } >"$directory/DEBIAN/control"
  find "$directory" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --build "$directory" "$out/${package}_${version}_$architecture.deb"
}

finish libspread3 libs 'client library for Spread group communication' <<FIELDS
Depends: $(needs libspread3)
Multi-Arch: same
 Programs connect to a Spread daemon, join groups, and every member of a group
 receives the same messages in the same order, with exact news of who is in the
 group.
 .
 The library has the interface of Spread 5.0.1 under the names libspread,
 libspread-core and libtspread-core.
FIELDS
finish libspread-dev libdevel 'client library for Spread group communication (development)' <<FIELDS
Depends: libspread3 (= $version), libc6-dev
Conflicts: libspread1-dev, libspread2-dev
Provides: libspread3-dev
Multi-Arch: same
 Headers, static libraries, manual pages of the functions, and files for
 pkg-config and CMake.
FIELDS
finish spread net 'daemon for group communication' <<FIELDS
Depends: $(needs spread), passwd, init-system-helpers (>= 1.54)
Suggests: spread-tools
 Programs connect to the daemon of their machine and join groups; the daemons
 of a network form a ring and deliver messages to all members in the same order,
 with exact news of members and of partitions of the network.
 .
 The daemon speaks the protocol of Spread 5.0.1 and works in one ring with its
 daemons. As installed it serves programs of this machine only.
FIELDS
finish spread-tools net 'tools for Spread group communication' <<FIELDS
Depends: $(needs spread-tools)
Replaces: spread (<< 5.0.1+)
Breaks: spread (<< 5.0.1+)
Suggests: spread
 Programs to talk to Spread daemons by hand and to measure them: spuser,
 sptuser, flush_user, spflooder, spping; spmonitor, which shows what the daemons
 of a ring do; and spread-check, which judges recorded traces.
FIELDS
rm -rf "$out/tree" "$out/packages" "$out/taken" "$out/fields" "$out/install.log"
