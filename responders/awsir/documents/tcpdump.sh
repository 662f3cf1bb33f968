# Packets: a capture with a fixed command line. The filter comes last, is built
# from typed values and can start no option.
start
check host "${SSM_host-}" '([0-9a-f.:]{2,45}(/[0-9]{1,3})?)?'
check port "${SSM_port-}" '([1-9][0-9]{0,4})?'
check proto "${SSM_proto-}" '(tcp|udp|icmp)?'
check seconds "${SSM_seconds-}" '[1-9][0-9]{0,2}'
check packets "${SSM_packets-}" '[1-9][0-9]{0,6}'
check megabytes "${SSM_megabytes-}" '[1-9][0-9]{0,3}'
check partBytes "${SSM_partBytes-}" '[1-9][0-9]{0,9}'
# The capture is stored before it is sent: sent at once it would record itself.
workdir $((SSM_megabytes * 1024 + SSM_partBytes / 1024 + 65536))
find_tool tcpdump
get_parts

set --
if [ -n "$SSM_proto" ]; then
    set -- "$SSM_proto"
    # To tcpdump, icmp is only that of IPv4 (pcap-filter(7)).
    if [ "$SSM_proto" = icmp ]; then set -- '(' icmp or icmp6 ')'; fi
fi
if [ -n "$SSM_port" ]; then
    [ $# = 0 ] || set -- "$@" and
    set -- "$@" port "$SSM_port"
fi
if [ -n "$SSM_host" ]; then
    [ $# = 0 ] || set -- "$@" and
    case $SSM_host in
        */*) set -- "$@" net "$SSM_host" ;;
        *) set -- "$@" host "$SSM_host" ;;
    esac
fi
limit=$((SSM_megabytes * 1000000))
{
    code=0
    timeout -s INT -k 10 "$SSM_seconds" "$tool" -i any -n -p -U -s 0 -c "$SSM_packets" -w - -- "$@" 2>>"$work/err" </dev/null || code=$?
    printf '%s\n' "$code" >"$work/exit"
} | head -c "$limit" >"$work/capture" || :
read -r tool_exit <"$work/exit"
[ -s "$work/capture" ] || finish tool-failed 73
store "$work/capture"
case $tool_exit in
    0 | 124) ;;
    *) [ "$bytes" -ge "$limit" ] || finish incomplete 72 ;;
esac
if [ "$bytes" -ge "$limit" ]; then finish size-limit 0; fi
finish ok 0
