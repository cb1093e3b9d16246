#!/bin/sh
# The pure modules import nothing of the system, and what depends on it stays in the platform folders
# (docs/portability.md).
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
allowed SpreadCore SpreadWire DequeModule
allowed SpreadCheck SpreadWire
allowed SpreadSim SpreadWire SpreadCore SpreadCheck DequeModule HeapModule

conditions=$(grep -rlE '#if +(os|canImport|arch)\(' Sources/SpreadWire Sources/SpreadCore Sources/SpreadCheck Sources/SpreadSim)
[ -z "$conditions" ] || fail "depends on the system: $conditions"
linux=$(grep -rlE 'sys/(epoll|signalfd)\.h|recvmmsg|accept4' Sources --include='*.c' --include='*.h' --include='*.swift' |
  grep -vE '^Sources/(CSpreadSystem|SpreadPlatform)/')
[ -z "$linux" ] || fail "Linux outside of the platform folders: $linux"
# The codecs as arm64 code, with the only library for it that toolchains for another machine carry.
library=$(dirname "$(readlink -f "$(command -v swiftc)")")/../lib/swift/embedded/Swift.swiftmodule
if [ -e "$library/aarch64-none-none-elf.swiftmodule" ]; then
  # shellcheck disable=SC2046  # names without blanks
  swiftc -target aarch64-none-none-elf -typecheck -wmo -parse-as-library -module-name SpreadWire \
    -enable-experimental-feature Embedded $(find Sources/SpreadWire -name '*.swift') || fail "SpreadWire for arm64"
else
  echo "pure modules: the toolchain has no library for arm64: SKIPPED"
fi
echo "pure modules: failed: $failed"
exit $failed
