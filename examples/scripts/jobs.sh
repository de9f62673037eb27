#!/usr/bin/env bash
# Start long work, go on with something else, fetch the result later, even from another script.
set -eu
. "$(dirname "$0")/common"

start serve archive --node backup -- sh -c 'sleep 0.2; echo "archived $1"' sh '{path}'
start serve endless --node worker -- sleep 600

# `--output raw` prints the bare number.
job=$(daffi call archive /srv/data --mode bg --output raw)
echo "started job $job"

daffi jobs --output table

# The result is kept for an hour, and can be read more than once.
expect "archived /srv/data" "$(daffi jobs result "$job")"
expect "archived /srv/data" "$(daffi jobs result "$job")"
echo "job $job: $(daffi jobs result "$job")"

# What takes too long is cancelled; the command on the other side is told to stop.
job=$(daffi call endless --mode bg --output raw)
status=0
daffi jobs result "$job" --timeout 500ms 2> /dev/null || status=$?
expect 5 "$status"
expect cancelled "$(daffi jobs cancel "$job")"
echo "job $job is cancelled"
