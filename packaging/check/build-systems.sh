#!/bin/sh
# A program built with the installed pkg-config file and one with the CMake package, shared and static, and run.
#
#   build-systems.sh PREFIX [LIBDIR]    LIBDIR: where the libraries are, PREFIX/lib if it is not given
set -u
prefix=$(cd "${1:?usage: build-systems.sh PREFIX [LIBDIR]}" && pwd) || exit 2
libraries=${2:-$prefix/lib}
source=$(cd "$(dirname "$0")/program" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0 passed=0

# The program's line, and whether it needs the shared library at run time.
judge() { # what, program, shared or static
  printed=$(LD_LIBRARY_PATH=$libraries timeout 20 "$2" 2>&1)
  needed=$(readelf -d "$2" | grep -c 'NEEDED.*\[libspread\.so\.3\]')
  wanted=1
  [ "$3" = shared ] || wanted=0
  if [ "$printed" = "library 5.0.1, connect -2" ] && [ "$needed" = $wanted ]; then
    passed=$((passed + 1))
  else
    echo "FAIL $1: printed '$printed', needs libspread.so.3: $needed"
    failed=1
  fi
}

if command -v pkg-config >/dev/null; then
  export PKG_CONFIG_PATH="$libraries/pkgconfig"
  # shellcheck disable=SC2046  # the flags are words
  ${CC:-cc} -Wall -Werror "$source/program.c" $(pkg-config --cflags --libs spread) -o "$work/shared" &&
    judge "pkg-config" "$work/shared" shared
  # The libraries named by --static, with ours as an archive.
  # shellcheck disable=SC2046
  ${CC:-cc} -Wall -Werror "$source/program.c" $(pkg-config --cflags spread) \
    $(pkg-config --libs --static spread | sed 's/-lspread/-l:libspread.a/') -o "$work/static" &&
    judge "pkg-config --static" "$work/static" static
  version=$(pkg-config --modversion spread)
  [ "$version" = 5.0.1 ] || { echo "FAIL pkg-config --modversion: $version"; failed=1; }
else
  echo "build systems: no pkg-config: SKIPPED its program"
fi

if command -v cmake >/dev/null; then
  if cmake -S "$source" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DSpread_DIR="$libraries/cmake/Spread" \
    >"$work/log" 2>&1 && cmake --build "$work/cmake" >>"$work/log" 2>&1; then
    judge CMake "$work/cmake/shared" shared
    judge "CMake, static" "$work/cmake/static" static
  else
    echo "FAIL CMake:"
    cat "$work/log"
    failed=1
  fi
  grep -q 'Spread 5.0.1' "$work/log" || { echo "FAIL CMake: Spread_VERSION"; failed=1; }
  # A version that is not there is refused.
  sed 's/Spread 5.0/Spread 5.1/' "$source/CMakeLists.txt" >"$work/CMakeLists.txt"
  if cmake -S "$work" -B "$work/later" -DSpread_DIR="$libraries/cmake/Spread" >/dev/null 2>&1; then
    echo "FAIL CMake: takes 5.0.1 for 5.1"
    failed=1
  fi
else
  echo
  echo "*** NOT TESTED: the CMake package. Install cmake: apt-get install cmake"
  echo
fi
[ $((passed + failed)) -gt 0 ] || failed=1
echo "build systems: $passed programs passed, failed: $failed"
exit $failed
