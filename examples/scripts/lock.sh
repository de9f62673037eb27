#!/usr/bin/env bash
# One at a time, over all machines: a command that runs while no other holds the lock.
set -eu
. "$(dirname "$0")/common"

mkfifo "$directory/started" "$directory/gate"
exec 3<> "$directory/started" 4<> "$directory/gate"

# A deployment that takes a while. Its fence is greater than that of every one before it.
daffi lock deploy -- sh -c 'echo "$DAFFI_LOCK_TOKEN" > "$1"; read -r _ < "$2"' sh "$directory/started" "$directory/gate" &
deployment=$!
read -r first <&3

# Who holds it? And who comes second goes away, here with exit code 5, or waits.
daffi lock deploy --output table
status=0
daffi lock deploy --wait 0 -- echo "never printed" 2> "$directory/said" || status=$?
expect 5 "$status"
cat "$directory/said"

echo go >&4
second=$(daffi lock deploy --wait 30s -- sh -c 'echo "$DAFFI_LOCK_TOKEN"')
wait "$deployment"
[ "$second" -gt "$first" ] && echo "the second came after the first"

# The exit code is the command's own.
status=0
daffi lock deploy -- sh -c 'exit 7' || status=$?
expect 7 "$status"

# Not one at a time, but two for each user.
daffi quota run uploads ann 2 -- "${DAFFI:-daffi}" quota run uploads ann 2 -- echo "two at a time"
status=0
daffi quota run uploads ann 0 -- echo "never printed" || status=$?
expect 1 "$status"
