-- name: processes
SELECT pid, parent, pgroup, name, path, cmdline, cwd, root, uid, euid, gid, state, start_time, resident_size, total_size, threads, on_disk FROM processes LIMIT 50000;
-- name: processes_without_file
SELECT pid, parent, name, path, cmdline, cwd, uid, start_time FROM processes WHERE on_disk = 0;
-- name: environment
SELECT e.pid, e.key, e.value, p.path FROM process_envs e JOIN processes p USING (pid) WHERE e.key IN ('LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'PATH', 'HTTP_PROXY', 'http_proxy', 'SSH_CONNECTION', 'SUDO_USER') LIMIT 50000;
-- name: deleted_open_files
SELECT f.pid, f.fd, f.path, p.name FROM process_open_files f JOIN processes p USING (pid) WHERE f.path LIKE '%(deleted)' LIMIT 20000;
-- name: unusual_mappings
SELECT pid, start, end, permissions, path FROM process_memory_map WHERE permissions LIKE '%wx%' LIMIT 20000;
-- name: hashes_of_programs
SELECT DISTINCT h.path, h.sha256 FROM processes p JOIN hash h ON h.path = p.path WHERE p.path != '' LIMIT 2000;
