-- name: system_info
SELECT hostname, uuid, cpu_type, cpu_brand, cpu_logical_cores, physical_memory, hardware_vendor, hardware_model FROM system_info;
-- name: os_version
SELECT name, version, build, platform, arch FROM os_version;
-- name: kernel_info
SELECT version, arguments, device FROM kernel_info;
-- name: uptime
SELECT days, hours, minutes, total_seconds FROM uptime;
-- name: time
SELECT unix_time, timestamp, datetime, local_timezone FROM time;
-- name: processes_without_file
SELECT pid, parent, name, path, cmdline, cwd, root, uid, euid, start_time FROM processes WHERE on_disk = 0;
-- name: processes
SELECT pid, parent, name, path, cmdline, cwd, uid, euid, gid, state, start_time, resident_size, on_disk FROM processes LIMIT 20000;
-- name: listening_ports
SELECT l.pid, l.port, l.protocol, l.family, l.address, p.name, p.path FROM listening_ports l LEFT JOIN processes p USING (pid) WHERE l.port > 0;
-- name: open_sockets
SELECT s.pid, s.family, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, s.state, p.name, p.path FROM process_open_sockets s LEFT JOIN processes p USING (pid) WHERE s.remote_port > 0 LIMIT 20000;
-- name: logged_in_users
SELECT type, user, tty, host, time, pid FROM logged_in_users;
-- name: last
SELECT username, tty, pid, type, time, host FROM last ORDER BY time DESC LIMIT 500;
-- name: crontab
SELECT event, minute, hour, day_of_month, month, day_of_week, command, path FROM crontab;
-- name: kernel_modules
SELECT name, size, used_by, status, address FROM kernel_modules;
-- name: recent_files
SELECT path, size, uid, gid, mode, atime, mtime, ctime, btime, type FROM file WHERE (directory IN ('/tmp', '/var/tmp', '/dev/shm', '/run', '/root')) LIMIT 5000;
