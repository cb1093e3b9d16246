#!/usr/bin/env bash
# Builds the programs of this directory against an installed tree and runs them against a daemon.
#
#   run.sh [--allow-missing] [--no-config] PREFIX [ADDRESS]
#
# PREFIX    an installed tree: include/, lib/, bin/, and sbin/spread when ADDRESS is not given
# ADDRESS   a running daemon, PORT@HOST or PORT; without it PREFIX/sbin/spread is started for the run, with a
#           configuration file of its own, or with --no-config as `spread --port N`
#
# Prints one line per program and a total; exit status 0 only when every program passed. A program that cannot be built
# because a system package is missing counts as FAILED, or as SKIPPED with --allow-missing. Everything is built in a
# scratch directory. COMPAT_KEEP=1 keeps it, COMPAT_PORT=N chooses the port of the started daemon, PYTHON, PERL, CC,
# CXX choose the tools. COMPAT_STOCK_LIBRARY=1: PREFIX is stock's; what ours does better is not asked for.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage="usage: run.sh [--allow-missing] [--no-config] PREFIX [ADDRESS]"
allow_missing=0 no_config=0
while [[ ${1:-} == --* ]]; do
  case $1 in
  --allow-missing) allow_missing=1 ;;
  --no-config) no_config=1 ;;
  *) echo "$usage" >&2; exit 64 ;;
  esac
  shift
done
if [ $# -lt 1 ] || [ $# -gt 2 ]; then echo "$usage" >&2; exit 64; fi
prefix=$(cd "$1" 2>/dev/null && pwd) || { echo "run.sh: no directory $1" >&2; exit 64; }
address=${2:-}
: "${CC:=cc}" "${CXX:=c++}" "${PYTHON:=python3}" "${PERL:=perl}"
seconds=120 # for one program; each has a shorter limit of its own

scratch=$(mktemp -d "${TMPDIR:-/tmp}/spread-compat.XXXXXX")
daemon=
stop_daemon() {
  [ -n "$daemon" ] || return 0
  kill -TERM "$daemon" 2>/dev/null
  for _ in $(seq 50); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$daemon" 2>/dev/null
  wait "$daemon" 2>/dev/null
  daemon=
}
clean_up() {
  stop_daemon
  if [ -n "${COMPAT_KEEP:-}" ]; then echo "kept: $scratch"; else rm -rf "$scratch"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

passed=0 failed=0 skipped=0 checks=0
report() { printf '%-8s %-26s %s\n' "$1" "$2" "$3"; }
fail() { report FAILED "$1" "$2"; failed=$((failed + 1)); }

# missing NAME WHAT PACKAGE: one line that says what to install.
missing() {
  local text="$2 not found: apt-get install $3"
  if [ $allow_missing = 1 ]; then report SKIPPED "$1" "$text"; skipped=$((skipped + 1)); else fail "$1" "$text"; fi
}

# build NAME COMMAND...: the output only when it fails.
build() {
  local name=$1 log
  log=$scratch/$(echo "$1" | tr / -).build
  shift
  "$@" >"$log" 2>&1 && return 0
  fail "$name" "does not build:"
  tail -20 "$log" | sed 's/^/         /'
  return 1
}

# run NAME COMMAND...: the last line must be "N passed, M failed", as the exit status says.
run() {
  local name=$1 log status last
  log=$scratch/$(echo "$1" | tr / -).log
  shift
  timeout -k 5 $seconds "$@" >"$log" 2>&1 </dev/null
  status=$?
  last=$(tail -1 "$log")
  if [ $status = 0 ] && [[ $last =~ ^([1-9][0-9]*)\ passed,\ 0\ failed$ ]]; then
    report ok "$name" "$last"
    passed=$((passed + 1)) checks=$((checks + BASH_REMATCH[1]))
  else
    fail "$name" "exit status $status: $last"
    grep -v 'passed, [0-9]* failed$' "$log" | tail -40 | sed 's/^/         /'
  fi
}

link="-L$prefix/lib -Wl,-rpath,$prefix/lib"
have() { command -v "$1" >/dev/null 2>&1; }

if ! have "$CC"; then missing "everything" "a C compiler ($CC)" build-essential; exit 1; fi

# ---- the daemon ----

build ready "$CC" -I"$prefix/include" "$here/c/ready.c" $link -lspread -o "$scratch/ready" || exit 1

# A segment of its own on the loopback interface, under the user who runs this.
start_daemon() {
  local port=$1
  local options=(-c spread.conf -n compat)
  if [ $no_config = 1 ]; then options=(--port "$port"); fi
  mkdir -p "$scratch/daemon"
  cat >"$scratch/daemon/spread.conf" <<CONFIGURATION
Spread_Segment 127.0.0.255:$port {
  compat 127.0.0.1
}
DaemonUser = $(id -un)
DaemonGroup = $(id -gn)
RuntimeDir = $scratch/daemon
SocketPortReuse = ON
CONFIGURATION
  if [ $no_config = 1 ]; then rm "$scratch/daemon/spread.conf"; fi
  (cd "$scratch/daemon" && exec "$prefix/sbin/spread" "${options[@]}") >"$scratch/daemon/log" 2>&1 &
  daemon=$!
  for _ in $(seq 20); do
    kill -0 "$daemon" 2>/dev/null || return 1
    "$scratch/ready" "$port@127.0.0.1" 1 >"$scratch/ready.log" && return 0
  done
  return 1
}

if [ -z "$address" ]; then
  [ -x "$prefix/sbin/spread" ] || { echo "run.sh: no $prefix/sbin/spread, and no ADDRESS given" >&2; exit 1; }
  started=0
  for try in 1 2 3; do
    port=${COMPAT_PORT:-$((20000 + RANDOM % 12000))}
    if [ -e "/tmp/$port" ] && [ -z "${COMPAT_PORT:-}" ]; then continue; fi # the unix socket of another daemon
    if start_daemon "$port"; then started=1; break; fi
    stop_daemon
  done
  if [ $started = 0 ]; then
    fail "daemon" "$prefix/sbin/spread does not serve clients; the end of its log:"
    tail -20 "$scratch/daemon/log" | sed 's/^/         /'
    exit 1
  fi
  address=$port@127.0.0.1
elif ! "$scratch/ready" "$address" 10; then
  fail "daemon" "no daemon serves clients at $address"
  exit 1
fi
echo "Programs built against $prefix, daemon at $address"

# ---- C ----

c_flags="-std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -O1 -I$prefix/include"
for program in session processes; do
  build "c/$program" "$CC" $c_flags "$here/c/$program.c" $link -lspread -lpthread -o "$scratch/c-$program" &&
    run "c/$program" "$scratch/c-$program" "$address"
done
build c/flush "$CC" $c_flags "$here/c/flush.c" $link -lspread -o "$scratch/c-flush" &&
  run c/flush "$scratch/c-flush" "$address" ${COMPAT_STOCK_LIBRARY:+--stock}
# The other names under which the library is linked: the one of threaded programs and bindings, and the static one.
build "c/session tspread-core" "$CC" $c_flags "$here/c/session.c" $link -ltspread-core -o "$scratch/c-tspread" &&
  run "c/session tspread-core" "$scratch/c-tspread" "$address"
build "c/session spread-core" "$CC" $c_flags "$here/c/session.c" $link -lspread-core -o "$scratch/c-core" &&
  run "c/session spread-core" "$scratch/c-core" "$address"
build "c/session static" "$CC" $c_flags "$here/c/session.c" "$prefix/lib/libspread.a" -lpthread -lm \
  -o "$scratch/c-static" && run "c/session static" "$scratch/c-static" "$address"
# Another transport, the unix socket, when the daemon is on this machine.
if [ -S "/tmp/${address%%@*}" ] && [ -x "$scratch/c-session" ]; then
  run "c/session unix socket" "$scratch/c-session" "${address%%@*}"
fi

# ---- C++ ----

if have "$CXX"; then
  for standard in 98 20; do
    build "cxx/session C++$standard" "$CXX" -std=c++$standard -Wall -Wextra -Wpedantic -O1 -I"$prefix/include" \
      "$here/cxx/session.cpp" $link -lspread -lpthread -o "$scratch/cxx$standard" &&
      run "cxx/session C++$standard" "$scratch/cxx$standard" "$address"
  done
else
  missing cxx/session "a C++ compiler ($CXX)" g++
fi

# ---- Python ----

if have "$PYTHON"; then
  run python-ctypes/session "$PYTHON" "$here/python-ctypes/session.py" "$prefix/lib/libspread.so.3" "$address"
  include=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  if [ -e "$include/Python.h" ]; then
    suffix=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
    mkdir -p "$scratch/python"
    build python-ext/session "$CC" -shared -fPIC -O1 -Wall -Wextra -Wno-missing-field-initializers -I"$include" \
      -I"$prefix/include" "$here/python-ext/spreadext.c" $link -lspread -o "$scratch/python/spreadext$suffix" &&
      run python-ext/session "$PYTHON" -B "$here/python-ext/session.py" "$scratch/python" "$address"
  else
    missing python-ext/session "Python.h of $PYTHON" python3-dev
  fi
else
  missing python-ctypes/session "$PYTHON" python3
  missing python-ext/session "$PYTHON" "python3 python3-dev"
fi

# ---- Perl ----

if ! have "$PERL"; then
  missing perl-xs/session "$PERL" "perl libperl-dev"
elif ! "$PERL" -MExtUtils::MakeMaker -MConfig -e 'exit !-e "$Config{archlibexp}/CORE/perl.h"' 2>/dev/null; then
  missing perl-xs/session "perl.h of $PERL" libperl-dev
elif ! have make; then
  missing perl-xs/session make make
else
  cp -r "$here/perl-xs" "$scratch/perl"
  build perl-xs/session sh -c "cd '$scratch/perl' && '$PERL' Makefile.PL PREFIX_OF_SPREAD='$prefix' && make" &&
    run perl-xs/session "$PERL" "-Mblib=$scratch/perl" "$scratch/perl/session.pl" "$address"
fi

# ---- suites with drivers of their own ----

# suite NAME COMMAND...: judged by its exit status; its last line is shown.
suite() {
  local name=$1 log status
  log=$scratch/$(echo "$1" | tr / -).log
  shift
  timeout -k 5 900 "$@" >"$log" 2>&1 </dev/null
  status=$?
  if [ $status = 0 ]; then
    report ok "$name" "$(tail -1 "$log")"
    passed=$((passed + 1))
  else
    fail "$name" "exit status $status:"
    grep -iE 'fail|error|passed|not so' "$log" | tail -40 | sed 's/^/         /'
  fi
}
stock_flag= better_flag=-x
if [ -n "${COMPAT_STOCK_LIBRARY:-}" ]; then stock_flag=--stock better_flag=; fi
suite c-api "$here/c-api/run.sh" $stock_flag "$prefix/include" "$prefix/lib" "$address"
suite events "$here/events/run.sh" $better_flag "$prefix" "$address"
suite man-examples "$here/man-examples/run.sh" "$prefix" "$address"
suite readme "$here/readme/run.sh" "$prefix" "$address"
suite replay "$here/replay/run.sh" "$prefix"
suite headers "$here/headers/run.sh" "$prefix/include" "$here/../Sources/CSpreadShims/include"

# ---- the installed tools ----

# tool NAME PROGRAM SCRIPT...: a Python script against an installed program.
tool() {
  local name=$1 program=$2
  shift 2
  if [ ! -x "$prefix/bin/$program" ]; then
    fail "$name" "no $prefix/bin/$program"
  elif have "$PYTHON"; then
    run "$name" "$PYTHON" -B "$@" "$prefix/bin" "$address"
  else
    missing "$name" "$PYTHON" python3
  fi
}
tool spuser/session spuser "$here/spuser/session.py"
tool tools/flood-and-ping spping "$here/tools/tools.py" $stock_flag
if [ -z "$stock_flag" ]; then tool tools/monitor spmonitor "$here/tools/monitor.py"; fi

if [ -n "$daemon" ]; then
  if kill -0 "$daemon" 2>/dev/null; then
    report ok daemon "still runs after all of them"
  else
    fail daemon "ended during the run; the end of its log:"
    tail -20 "$scratch/daemon/log" | sed 's/^/         /'
  fi
fi

summary="$passed programs passed ($checks checks), $failed FAILED"
[ $skipped = 0 ] || summary="$summary, $skipped SKIPPED for want of system packages"
echo "total: $summary"
[ $failed = 0 ]
