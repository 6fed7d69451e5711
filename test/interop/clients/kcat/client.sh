#!/bin/bash
# The contract of README.md on kcat. kcat has no admin calls: `create`, `delete` and `list` end with status 64.
set -eu
verb=$1
shift
codec=none timestamp=
while [ $# -gt 0 ]; do
  case $1 in
    --bootstrap) bootstrap=$2 ;;
    --topic) topic=$2 ;;
    --count) count=$2 ;;
    --codec) codec=$2 ;;
    --key-prefix) prefix=$2 ;;
    --group) group=$2 ;;
    --timestamp) timestamp=$2 ;;
    *) echo "unknown argument $1" >&2; exit 64 ;;
  esac
  shift 2
done
format='record\t%p\t%o\t%k\t%h\t%s\n'

case $verb in
  version) kcat -V 2>&1 | sed -n 's/^Version \([^ ]*\).*librdkafka \([0-9.]*\).*/version\t\1 (librdkafka \2)/p' ;;
  produce)
    for ((i = 0; i < count; i++)); do
      key=$prefix-$i
      printf -v value "$key;%.0s" {1..10}
      printf '%s\t%s\n' "$key" "$value"
    done | kcat -P -b "$bootstrap" -t "$topic" -K '\t' -z "$codec" -H "origin=$prefix" -X enable.idempotence=true ;;
  consume | seek)
    from=beginning
    if [ "$verb" = seek ]; then from=s@$timestamp; fi
    exec kcat -C -b "$bootstrap" -t "$topic" -o "$from" -c "$count" -q -f "$format" -X check.crcs=true ;;
  group)
    exec kcat -b "$bootstrap" -G "$group" -u -f "$format" -X check.crcs=true -X auto.offset.reset=earliest \
      -X session.timeout.ms=6000 -X heartbeat.interval.ms=500 "$topic" \
      2> >(sed -u -n 's/.* revoked: .*/assigned\t/p; /assigned:/{s/.*assigned: *//; s/[^[]*\[\([0-9]*\)\],*/\1,/g; s/,$//; s/^/assigned\t/; p}') ;;
  *) echo "kcat cannot $verb" >&2; exit 64 ;;
esac
