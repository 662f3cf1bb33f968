-- name: listening_ports
SELECT l.pid, l.port, l.protocol, l.family, l.address, l.path AS socket, p.name, p.path, p.cmdline FROM listening_ports l LEFT JOIN processes p USING (pid);
-- name: open_sockets
SELECT s.pid, s.fd, s.family, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, s.state, p.name, p.path FROM process_open_sockets s LEFT JOIN processes p USING (pid) LIMIT 50000;
-- name: interfaces
SELECT a.interface, a.address, a.mask, d.mac, d.mtu, d.flags, d.ipackets, d.opackets, d.ibytes, d.obytes FROM interface_addresses a LEFT JOIN interface_details d USING (interface);
-- name: routes
SELECT destination, netmask, gateway, source, interface, metric, type FROM routes;
-- name: arp_cache
SELECT address, mac, interface, permanent FROM arp_cache;
-- name: iptables
SELECT filter_name, chain, policy, target, protocol, src_ip, src_port, dst_ip, dst_port, iniface, outiface FROM iptables;
-- name: etc_hosts
SELECT address, hostnames FROM etc_hosts;
-- name: dns_resolvers
SELECT id, type, address, netmask, options FROM dns_resolvers;
