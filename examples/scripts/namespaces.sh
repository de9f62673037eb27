#!/usr/bin/env bash
# The two example processes over QUIC, each in a network namespace of its own: two machines, as far as the kernel goes.
#
# Needs root and `ip`; without either it says so and does nothing. Whatever it makes, it takes away again.
# EXAMPLES says where process1 and process2 are, if not beside the command DAFFI or in target/debug/examples.
set -eu

skip() { echo "skipped: $1"; exit 0; }
[ "$(uname -s)" = Linux ] || skip "network namespaces are Linux's own"
[ "$(id -u)" = 0 ] || skip "network namespaces take root"
command -v ip >/dev/null 2>&1 || skip "the command \`ip\` (iproute2) is not installed"

examples=${EXAMPLES:-$(dirname "${DAFFI:-target/debug/daffi}")/examples}
for example in process1 process2; do
    [ -x "$examples/$example" ] || skip "$examples/$example is not there (cargo build --examples makes it)"
done

# Names that no other run has; an interface's has 15 characters at most.
here="daffi-$$-a" there="daffi-$$-b"
left="dfa$$" right="dfb$$"
address=10.213.77
port=4433
directory=$(mktemp -d "${TMPDIR:-/tmp}/daffi-namespaces.XXXXXX")
processes=()

clean_up() {
    for process in "${processes[@]:-}"; do
        [ -z "$process" ] || kill "$process" 2>/dev/null || true
        [ -z "$process" ] || wait "$process" 2>/dev/null || true
    done
    # The link goes with its namespaces.
    ip netns delete "$here" 2>/dev/null || true
    ip netns delete "$there" 2>/dev/null || true
    ip link delete "$left" 2>/dev/null || true
    rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say() { printf -- '-- %s\n' "$*"; }
# Runs a command in a namespace.
in_here() { ip netns exec "$here" "$@"; }
in_there() { ip netns exec "$there" "$@"; }

say "two network namespaces, $here and $there"
ip netns add "$here" 2>"$directory/why" || skip "this machine makes no network namespaces ($(head -n 1 "$directory/why"))"
ip netns add "$there"

say "a cable between them: $address.1 and $address.2"
ip link add "$left" type veth peer name "$right" 2>"$directory/why" ||
    skip "this machine makes no veth pairs ($(head -n 1 "$directory/why"))"
ip link set "$left" netns "$here"
ip link set "$right" netns "$there"
in_here ip address add "$address.1/24" dev "$left"
in_there ip address add "$address.2/24" dev "$right"
in_here ip link set lo up
in_there ip link set lo up
in_here ip link set "$left" up
in_there ip link set "$right" up

say "neither sees the other's loopback, nor this machine's network:"
in_here ip -brief address
in_there ip -brief address

url="quic://$address.1:$port"
state="$directory/state"
say "process1 hosts the controller at $url; its first start there writes a join file"
XDG_STATE_HOME="$state" XDG_RUNTIME_DIR="$directory" DAFFI_URL="$url" \
    in_here "$examples/process1" >"$directory/first" 2>&1 &
processes+=($!)

say "process2 joins from $address.2 with that file, as it would over scp"
join=
for _ in $(seq 100); do
    join=$(find "$state" -type f -name '*join*' 2>/dev/null | head -n 1)
    [ -z "$join" ] || break
    kill -0 "${processes[0]}" 2>/dev/null || break
    sleep 0.1
done
if [ -z "$join" ]; then
    echo "process1 wrote no join file under $state; it said:" >&2
    cat "$directory/first" >&2
    exit 1
fi
cp "$join" "$directory/join"
chmod 600 "$directory/join"
mkdir -p "$directory/there"
XDG_STATE_HOME="$directory/there" XDG_RUNTIME_DIR="$directory/there" DAFFI_JOIN_FILE="$directory/join" \
    in_there "$examples/process2" >"$directory/second" 2>&1 &
processes+=($!)

status=0
wait "${processes[0]}" || status=$?
wait "${processes[1]}" || status=$?
processes=()
say "process1 said:"
cat "$directory/first"
say "process2 said:"
cat "$directory/second"
[ "$status" = 0 ] || { echo "one of them failed, with status $status" >&2; exit 1; }
grep -q 'Calculated delta = 7' "$directory/first" || { echo "process1 got no delta" >&2; exit 1; }
grep -q 'Calculated sum is 10' "$directory/second" || { echo "process2 got no sum" >&2; exit 1; }
say "both called each other across the cable"
