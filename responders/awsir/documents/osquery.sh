# osquery: one named set. Every question has its own time; what is too big or
# fails is named in the result. The host's own configuration is not read.
start
check set "${SSM_set-}" '[a-z]{1,20}'
check put "${SSM_put-}" "$url_form"
command -v set_"$SSM_set" >/dev/null || finish parameter 64
workdir 262144
find_tool osqueryi
printf '{}\n' >"$work/osquery.conf"
: >"$work/osquery.flags"
first=1
room=67108864 # bytes of all results

ask() { # NAME, with the SQL on standard input
    sql=$(cat)
    code=0
    # head -c ends a result that is too big; the query then counts as failed.
    {
        inner=0
        timeout -k 5 60 nice -n 10 "$tool" --flagfile="$work/osquery.flags" --config_path="$work/osquery.conf" \
            --disable_extensions --disable_events --json "$sql" 2>>"$work/err" </dev/null || inner=$?
        printf '%s\n' "$inner" >"$work/exit"
    } | head -c "$room" >"$work/rows" || :
    read -r code <"$work/exit"
    size=$(wc -c <"$work/rows")
    [ "$first" = 1 ] || printf ',\n' >>"$work/result"
    first=0
    if [ "$code" != 0 ] || [ "$size" = 0 ] || [ "$size" -ge "$room" ]; then
        tool_exit=$code
        printf '{"query":"%s","exit":%s,"rows":null}' "$1" "$code" >>"$work/result"
        return 0
    fi
    room=$((room - size))
    printf '{"query":"%s","exit":0,"rows":' "$1" >>"$work/result"
    cat "$work/rows" >>"$work/result"
    printf '}' >>"$work/result"
    parts=$((parts + 1))
}

printf '{"set":"%s","job":"%s","queries":[\n' "$SSM_set" "$job" >"$work/result"
"set_$SSM_set"
printf '\n]}\n' >>"$work/result"
[ "$parts" -gt 0 ] || finish tool-failed 73
sum=$(sha256sum <"$work/result" | cut -c1-64)
bytes=$(wc -c <"$work/result")
put "$work/result" "$SSM_put" -H 'If-None-Match: *' -H 'Content-Type: application/json' || finish upload 69
[ "$tool_exit" = 0 ] || finish incomplete 0
finish ok 0
