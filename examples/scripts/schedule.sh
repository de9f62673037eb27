#!/usr/bin/env bash
# Repeat a call at a fixed rate. The schedule lives in the controller: this script may end, it goes on.
set -eu
. "$(dirname "$0")/common"

mkfifo "$directory/ticks"
exec 3<> "$directory/ticks"
start serve rotate_logs --node web1 -- sh -c 'echo "$1" > "$2"' sh '{what}' "$directory/ticks"

# Three times, a tenth of a second apart.
daffi call rotate_logs access --mode period --every 100ms --times 3
for _ in 1 2 3; do
    read -r what <&3
    echo "rotated $what"
done

# A name makes it safe to run this again: registered twice, it is one schedule.
daffi call rotate_logs error --mode period --every 1h --name hourly > /dev/null
daffi call rotate_logs error --mode period --every 1h --name hourly > /dev/null
expect 1 "$(daffi schedules --output raw | wc -l | tr -d ' ')"

daffi schedules pause hourly
daffi schedules resume hourly
daffi schedules --output table
expect "cancelled after 0 runs" "$(daffi schedules cancel hourly)"

# At given times: RFC 3339, seconds since 1970, or from now.
daffi call rotate_logs late --mode period --at +100ms > /dev/null
read -r what <&3
expect late "$what"
echo "rotated $what"
