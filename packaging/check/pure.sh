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
echo "pure modules: failed: $failed"
exit $failed
