#!/usr/bin/env bash
# Any shell command becomes a callback: of other shells, and of every program in the mesh.
set -eu
. "$(dirname "$0")/common"

# A name in braces becomes a parameter. The text that callers give never passes through a shell.
start serve greet --node hall --doc 'Say hello' -- sh -c 'echo "hello $1"' sh '{whom}'
# Without any, the arguments of the caller follow the command.
start serve add_up --node office -- sh -c 'sum=0; for n; do sum=$((sum + n)); done; echo $sum' sh

daffi callbacks --output table

expect "hello world" "$(daffi call greet world)"
expect "hello world" "$(daffi call greet whom=world)"
expect 'hello $(id)' "$(daffi call greet '$(id)')"
expect 6 "$(daffi call add_up 1 2 3)"

# All arguments from stdin, as JSON.
expect "hello JSON" "$(echo '{"whom":"JSON"}' | daffi call greet -)"

# Exit codes say what went wrong: 2 the arguments, 4 nobody offers it.
status=0
daffi call greet 2> /dev/null || status=$?
expect 2 "$status"
status=0
daffi call greeet world 2> "$directory/said" || status=$?
expect 4 "$status"
cat "$directory/said"
