#!/bin/sh
# Says in one line what is missing, with the command that installs it.
#
#   needs.sh [swift]    for building only; without the word also what the test programs need
set -u
have() { command -v "$1" >/dev/null 2>&1; }
packages=

have swift || {
  echo "needs: no 'swift' in PATH; install the Swift 6.3 toolchain from swift.org" >&2
  exit 1
}
have cc || packages="$packages build-essential"
have objcopy || packages="$packages binutils"
if [ "${1:-}" != swift ]; then
  have c++ || packages="$packages g++"
  have pkg-config || packages="$packages pkg-config"
  have python3 || packages="$packages python3"
  ! have python3 || [ -e "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
    packages="$packages python3-dev"
  perl -MExtUtils::MakeMaker -MConfig -e 'exit !-e "$Config{archlibexp}/CORE/perl.h"' 2>/dev/null ||
    packages="$packages libperl-dev"
fi
[ -n "$packages" ] || exit 0
echo "needs: missing system packages; install them with: apt-get install -y$packages" >&2
exit 1
