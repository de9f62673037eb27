#!/usr/bin/env bash
# What all nodes share, from the shell: counters, hashes, sets, queues, and a copy of all of it.
set -eu
. "$(dirname "$0")/common"

# Each counter of a group is 0 until it is changed.
daffi counter inc visits home > /dev/null
expect 6 "$(daffi counter inc visits home 5)"
expect 0 "$(daffi counter get visits shop)"

# Values are JSON if they parse, else text. Exit code 1 says no.
daffi hash set users ann=41 'bob={"age":29,"likes":["tea"]}' > /dev/null
expect 42 "$(daffi hash incr users ann)"
expect '{"age":29,"likes":["tea"]}' "$(daffi hash get users bob)"
daffi hash get users cat 2> /dev/null || echo "there is no cat"
daffi hash items users --output table

# A command for each who is blocked, and none for the others.
daffi set add blocked 10.0.0.7 10.0.0.8 > /dev/null
daffi set has blocked 10.0.0.7 > /dev/null && echo "10.0.0.7 is blocked"
daffi set has blocked 10.0.0.9 > /dev/null || echo "10.0.0.9 is not"

# Lines of a pipe become messages, each of which one run of a command gets on stdin. What fails comes back.
printf 'ann\nbob\ncat\n' | daffi queue push mails
daffi queue follow mails --count 3 -- sh -c 'read -r to; echo "mail to $to"'
expect 0 "$(daffi queue len mails)"

# The highest priority leaves first.
daffi pq push tasks 1 sweep > /dev/null
daffi pq push tasks 9 'put out the fire' > /dev/null
expect "put out the fire" "$(daffi pq pop tasks)"

# All of it as JSON lines, and back after somebody has made a mistake.
daffi data export "$directory/backup.jsonl" --only 'hash/*'
daffi hash rm users --yes
expect 0 "$(daffi hash len users)"
daffi data import "$directory/backup.jsonl"
expect 42 "$(daffi hash get users ann)"

# It need not stay for ever.
daffi data ttl hash/users 24h
echo "the users stay for $(daffi data ttl hash/users)"
