# Memory: AVML writes to standard output, which goes to the evidence store in
# parts. Nothing of the dump touches the disk.
start
check minutes "${SSM_minutes-}" '[1-9][0-9]{0,2}'
# Under this lockdown the kernel refuses to show its memory to anybody (kernel_lockdown(7)).
case $(cat /sys/kernel/security/lockdown 2>/dev/null || :) in
    *'[confidentiality]'*) finish lockdown 67 ;;
esac
[ -r /proc/kcore ] || [ -r /dev/crash ] || [ -r /dev/mem ] || finish no-memory-source 67
check partBytes "${SSM_partBytes-}" '[1-9][0-9]{0,9}'
workdir $((SSM_partBytes / 1024 + 65536))
find_tool avml
get_parts
mkfifo "$work/stream"
(
    code=0
    timeout -k 30 $((SSM_minutes * 60)) nice -n 10 "$tool" /dev/stdout >"$work/stream" 2>>"$work/err" </dev/null || code=$?
    printf '%s\n' "$code" >"$work/exit"
) &
runner=$!
store "$work/stream"
wait "$runner" || :
read -r tool_exit <"$work/exit"
case $tool_exit in
    0) finish ok 0 ;;
    124 | 137) finish time-limit 72 ;;
    141) finish size-limit 72 ;;
esac
[ "$bytes" -gt 0 ] || finish tool-failed 73
finish incomplete 72
