#!/usr/bin/env bash
# Ask every machine at once; one that fails costs its own answer, never the others'.
set -eu
. "$(dirname "$0")/common"

# Three machines that tell how full their disk is. The third has a broken one.
start serve disk_used --node web1 -- echo 41
start serve disk_used --node web2 -- echo 93
start serve disk_used --node db1 -- sh -c 'echo "input/output error" >&2; exit 5'

# A table for people, and an exit code for scripts: 6 says that some failed.
status=0
daffi call disk_used --mode broadcast --timeout 5 --output table || status=$?
expect 6 "$status"

# In a pipe it is one JSON object for each node.
full=$(daffi call disk_used --mode broadcast | grep '"ok":true' | grep -c '"result":"9[0-9]"')
expect 1 "$full"
echo "$full machine is nearly full"

# It is enough if two of them answer.
daffi call disk_used --mode broadcast --at-least 2 > /dev/null && echo "two have answered"

# Or the fastest one.
daffi call disk_used --mode broadcast --first 1 > /dev/null && echo "one was enough"
