# Shared by all documents. POSIX sh. Parameters arrive in the environment as
# SSM_name and are data: nothing here is built from them but quoted arguments.
set -eu
umask 077
LC_ALL=C
export LC_ALL
PATH="${PATH:-/usr/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export PATH
unset CDPATH ENV BASH_ENV
nl='
'
work='' job='' bytes=0 parts=0 sum='' tool='' tool_sum='' tool_exit=0

# The receipt is the last line of standard output. Its values are numbers, hex
# digits and words from this file. SSM keeps the exit code.
finish() {
    trap - EXIT HUP INT TERM
    if [ -n "$work" ]; then
        [ ! -s "$work/err" ] || tail -c 2000 "$work/err" >&2 || :
        rm -rf -- "$work" || :
    fi
    printf '{"securitybot":1,"job":"%s","reason":"%s","bytes":%s,"parts":%s,"sha256":"%s","tool_exit":%s,"tool_sha256":"%s"}\n' \
        "$job" "$1" "$bytes" "$parts" "$sum" "$tool_exit" "$tool_sum"
    exit "$2"
}
trap 'finish failed 70' EXIT
trap 'finish stopped 71' HUP INT TERM

# check NAME VALUE PATTERN: the agent has checked the pattern already; a host
# where it has not must not run anything.
check() {
    case $2 in *"$nl"*) finish parameter 64 ;; esac
    printf '%s\n' "$2" | grep -Eqx -e "$3" || finish parameter 64
}

url_form='https://[A-Za-z0-9.-]+(:[0-9]+)?/[]A-Za-z0-9/._~%?&=+:@!*()-]*'

start() {
    check job "${SSM_job-}" '[A-Za-z0-9]{8,64}'
    job=$SSM_job
    check toolUrl "${SSM_toolUrl-}" "($url_form)?"
    check toolSha256 "${SSM_toolSha256-}" '([0-9a-f]{64})?'
    for need in curl sha256sum timeout dd head tail sed grep awk df mktemp; do
        command -v "$need" >/dev/null || finish missing-programs 66
    done
}

# workdir KIB: a private directory that has room and may execute. Memory first:
# what is written to disk overwrites deleted files.
workdir() {
    for base in /dev/shm /run /var/tmp /tmp; do
        [ -d "$base" ] && [ -w "$base" ] || continue
        need=$1
        case $base in /dev/shm | /run)
            # Room in memory is memory: leave the host three quarters of it.
            need=$(($1 * 4))
            free=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
            [ "${free:-0}" -ge "$need" ] || continue
            ;;
        esac
        free=$(df -Pk "$base" | awk 'NR==2 {print $4}')
        [ "${free:-0}" -ge "$need" ] || continue
        work=$(mktemp -d "$base/securitybot.XXXXXXXX") || continue
        printf '#!/bin/sh\nexit 0\n' >"$work/try"
        chmod 700 "$work/try"
        if "$work/try" 2>/dev/null; then
            rm -f "$work/try"
            return 0
        fi
        rm -rf -- "$work"
        work=''
    done
    finish disk 68
}

# request URL [CURL OPTION]...: the address goes in by standard input, so that
# it is in no list of processes.
request() {
    url=$1
    shift
    printf 'url = "%s"\n' "$url" |
        curl -q -K - -sS -g --proto =https --connect-timeout 20 --speed-limit 1024 --speed-time 120 "$@"
}

# get URL FILE MAXBYTES
get() {
    request "$1" --fail --retry 3 --max-filesize "$3" -o "$2" 2>>"$work/err"
}

# md5_header FILE writes a header file with Content-MD5: S3 refuses what arrives damaged, and asks for
# it under Object Lock. Hosts without MD5 (FIPS) send none.
md5_header() {
    hex=$(md5sum 2>/dev/null <"$1" | cut -c1-32) || hex=''
    printf '%s\n' "$hex" | awk '
        length($0) == 32 {
            abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            for (i = 1; i <= 32; i++) {
                v = index("0123456789abcdef", substr($0, i, 1)) - 1
                for (b = 8; b >= 1; b /= 2) { bits = bits (v >= b ? 1 : 0); if (v >= b) v -= b }
            }
            while (length(bits) % 6) bits = bits "0"
            for (i = 1; i <= length(bits); i += 6) {
                v = 0
                for (k = 0; k < 6; k++) v = v * 2 + substr(bits, i + k, 1)
                out = out substr(abc, v + 1, 1)
            }
            print "Content-MD5: " out "=="
        }' >"$work/header"
}

# put FILE URL [CURL OPTION]...: 412 says that an earlier try was stored and
# its answer lost; what is stored is checked later from outside.
put() {
    file=$1 to=$2
    shift 2
    md5_header "$file"
    for pause in 1 2 4 8 0; do
        code=$(request "$to" -T "$file" -H @"$work/header" "$@" -o "$work/answer" -w '%{http_code}' 2>>"$work/err") || code="${code:-000}"
        case $code in
            2?? | 412) return 0 ;;
            408 | 429) sleep "$pause" ;;
            3?? | 4??) break ;;
            *) sleep "$pause" ;; # the server's failure, or a connection that broke, even after "100 Continue"
        esac
    done
    head -c 400 "$work/answer" >>"$work/err" 2>/dev/null || :
    return 1
}

# find_tool NAME: fetched and pinned when there is an address, else the host's.
find_tool() {
    if [ -n "${SSM_toolUrl-}" ]; then
        [ -n "${SSM_toolSha256-}" ] || finish tool-hash 65
        tool=$work/$1
        get "$SSM_toolUrl" "$tool" 209715200 || finish tool-download 65
        chmod 700 "$tool"
    else
        tool=$(command -v "$1") || finish tool-missing 66
        case $tool in /*) ;; *) finish tool-missing 66 ;; esac
    fi
    tool_sum=$(sha256sum <"$tool" | cut -c1-64)
    [ -z "${SSM_toolSha256-}" ] || [ "$tool_sum" = "$SSM_toolSha256" ] || finish tool-hash 65
}

# get_parts fetches the list of addresses, one part a line.
get_parts() {
    check parts "${SSM_parts-}" "$url_form"
    check partBytes "${SSM_partBytes-}" '[1-9][0-9]{0,9}'
    get "$SSM_parts" "$work/parts" 33554432 || finish upload-list 69
    if grep -Evqx -e "$url_form" "$work/parts"; then finish upload-list 69; fi
    max_parts=$(grep -c . "$work/parts") || finish upload-list 69
}

# upload_parts stores standard input in parts of $SSM_partBytes. It runs at the
# end of a pipe, so that its results are files.
upload_parts() {
    n=0 total=0
    while [ "$n" -lt "$max_parts" ]; do
        dd bs=65536 count=$((SSM_partBytes / 65536)) iflag=fullblock of="$work/part" 2>/dev/null || return 1
        size=$(wc -c <"$work/part")
        [ "$size" -gt 0 ] || break
        put "$work/part" "$(sed -n "$((n + 1))p" "$work/parts")" || return 1
        n=$((n + 1)) total=$((total + size))
        printf '%s %s\n' "$total" "$n" >"$work/stored"
        [ "$size" -ge "$SSM_partBytes" ] || break
    done
    : >"$work/uploaded"
}

# store FILE-OR-FIFO: hash and upload in one pass.
store() {
    mkfifo "$work/copy"
    sha256sum <"$work/copy" >"$work/sum" &
    hasher=$!
    head -c $((SSM_partBytes * max_parts)) <"$1" | tee "$work/copy" | upload_parts || :
    wait "$hasher" || :
    rm -f "$work/copy" "$work/part"
    if [ -s "$work/stored" ]; then read -r bytes parts <"$work/stored"; fi
    [ -e "$work/uploaded" ] || finish upload 69
    sum=$(cut -c1-64 <"$work/sum")
}
