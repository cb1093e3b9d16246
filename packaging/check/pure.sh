#!/bin/sh
# The pure modules import nothing of the system, and what depends on it stays in the platform folders
# (docs/portability.md); what can be checked for arm64 is.
set -u
cd "$(dirname "$0")/../.." || exit 2
failed=0
fail() {
  echo "FAIL $*"
  failed=1
}

# allowed MODULE WORD...: what the sources of the module import besides.
allowed() {
  module=$1
  shift
  found=$(grep -rhoE '^ *(@[a-zA-Z_()]+ +|public |package |internal )*import +[a-zA-Z]+' "Sources/$module" | awk '{ print $NF }' |
    sort -u)
  for name in $found; do
    case " $* " in
      *" $name "*) ;;
      *) fail "$module imports $name" ;;
    esac
  done
}
allowed SpreadWire
allowed SpreadFlush SpreadWire
allowed SpreadCore SpreadWire DequeModule
allowed SpreadCheck SpreadWire
allowed SpreadSim SpreadWire SpreadCore SpreadFlush SpreadCheck DequeModule HeapModule

conditions=$(grep -rlE '#if +(os|canImport|arch)\(' Sources/SpreadWire Sources/SpreadFlush Sources/SpreadCore \
  Sources/SpreadCheck Sources/SpreadSim)
[ -z "$conditions" ] || fail "depends on the system: $conditions"
linux=$(grep -rlE 'sys/(epoll|signalfd|eventfd|timerfd|prctl)\.h|(recv|send)mmsg|accept4|pipe2|/proc/|UDP_SEGMENT' Sources --include='*.c' --include='*.h' --include='*.swift' |
  grep -vE '^Sources/(CSpreadSystem|SpreadPlatform)/')
[ -z "$linux" ] || fail "Linux outside of the platform folders: $linux"
# For arm64 as far as toolchains carry something for it: the library of Embedded Swift for bare machines, in which the
# client library is written, and Debian's C compiler (gcc-aarch64-linux-gnu). Checked, not linked and not run.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
library=$(dirname "$(readlink -f "$(command -v swiftc)")")/../lib/swift/embedded/Swift.swiftmodule
headers=/usr/aarch64-linux-gnu/include
# arm64 MODULE: type check, with what was checked before as modules to import.
arm64() {
  # shellcheck disable=SC2046  # names without blanks
  swiftc -target aarch64-none-none-elf -wmo -parse-as-library -enable-experimental-feature Embedded -module-name "$1" \
    -emit-module -emit-module-path "$work/$1.swiftmodule" -I "$work" -Xcc -isystem -Xcc "$headers" \
    -Xcc "-fmodule-map-file=$work/module.modulemap" $(find "Sources/$1" -name '*.swift') || fail "$1 for arm64"
}
echo "module CSpreadSocket { header \"$PWD/Sources/CSpreadSocket/include/CSpreadSocket.h\" export * }" \
  >"$work/module.modulemap"
if [ -e "$library/aarch64-none-none-elf.swiftmodule" ]; then
  arm64 SpreadWire
  arm64 SpreadFlush
  if [ -d "$headers" ]; then arm64 SpreadClient; fi
else
  echo "*** NOT TESTED: Swift for arm64, because the toolchain has no library for it"
fi
if command -v aarch64-linux-gnu-gcc >/dev/null; then
  for file in Sources/CSpreadSystem/*.c Sources/CSpreadSocket/*.c Sources/CSpreadShims/*.c; do
    aarch64-linux-gnu-gcc -Wall -Wextra -Werror -fsyntax-only -Iinclude -I"$(dirname "$file")/include" "$file" ||
      fail "$file for arm64"
  done
else
  echo "*** NOT TESTED: C and SpreadClient for arm64, because there is no aarch64-linux-gnu-gcc"
fi
echo "pure modules: failed: $failed"
exit $failed
