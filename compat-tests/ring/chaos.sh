#!/bin/sh
# chaos.sh MINUTES SEED COMMAND...: runs COMMAND with --seed SEED, SEED + 1, ... until the time is over or one fails.
set -eu
end=$(($(date +%s) + $1 * 60))
seed=$2
shift 2
while [ "$(date +%s)" -lt "$end" ]; do
  "$@" --seconds 60 --seed "$seed" || exit 1
  seed=$((seed + 1))
done
