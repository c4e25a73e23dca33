#!/bin/sh
# Runs the edge on this machine: the Worker in workerd, until its standard input ends.
#
#   serve.sh CONFIG SOCKET ORIGIN FOLDER [OPTION ...]
#
#   CONFIG   workerd's configuration, as in edge/local/workerd.capnp
#   SOCKET   the Unix socket that the Worker listens on
#   ORIGIN   the address of the origin
#   FOLDER   the Worker's data: ledgers, keys, offloaded bodies
#   OPTION   further options of `workerd serve`
#
# The environment provides the variables that workerd.capnp reads.
set -eu

config=$1 socket=$2 origin=$3 folder=$4
shift 4

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
case "$(uname -s) $(uname -m)" in
"Linux x86_64") platform=linux-64 ;;
"Linux aarch64") platform=linux-arm64 ;;
"Darwin x86_64") platform=darwin-64 ;;
"Darwin arm64") platform=darwin-arm64 ;;
*)
    printf 'workerd has no program for %s\n' "$(uname -sm)" >&2
    exit 78
    ;;
esac
workerd=$root/node_modules/@cloudflare/workerd-$platform/bin/workerd

# The folders that wrangler would use, so that its data can be used.
mkdir -p "$folder/v3/do" "$folder/v3/kv" "$folder/v3/r2"

# Remove what a killed process left behind.
rm -f "$socket"

exec 3<&0
"$workerd" serve "$config" --experimental "--socket-addr=http=unix:$socket" "--external-addr=origin=$origin" \
    "--directory-path=ledger=$folder/v3/do" "--directory-path=kv-disk=$folder/v3/kv" \
    "--directory-path=r2-disk=$folder/v3/r2" "$@" </dev/null &
child=$!
{
    cat >/dev/null <&3
    kill -TERM 0
} &
exec 3<&-

# When it is asked to stop, workerd finishes its open requests. Wait for it.
trap : TERM
status=0
wait "$child" || status=$?
while kill -0 "$child" 2>/dev/null; do
    status=0
    wait "$child" || status=$?
done
exit "$status"
