-- name: systemd_units
SELECT id, description, load_state, active_state, sub_state, unit_file_state, user, fragment_path FROM systemd_units LIMIT 10000;
-- name: startup_items
SELECT name, path, args, type, source, status, username FROM startup_items;
-- name: crontab
SELECT event, minute, hour, day_of_month, month, day_of_week, command, path FROM crontab;
-- name: kernel_modules
SELECT name, size, used_by, status, address FROM kernel_modules;
-- name: authorized_keys
SELECT u.username, k.algorithm, k.key, k.comment, k.options, k.key_file FROM users u CROSS JOIN authorized_keys k USING (uid);
-- name: preload
SELECT path, size, mtime, ctime FROM file WHERE path IN ('/etc/ld.so.preload', '/etc/rc.local', '/etc/profile', '/etc/bash.bashrc', '/etc/bashrc', '/etc/environment');
-- name: changed_system_files
SELECT path, size, uid, mode, mtime, ctime FROM file WHERE directory IN ('/etc', '/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system', '/etc/cron.d', '/etc/cron.daily', '/etc/cron.hourly', '/etc/init.d', '/etc/profile.d', '/etc/pam.d', '/etc/ld.so.conf.d', '/etc/sudoers.d', '/usr/local/bin', '/usr/local/sbin') AND type = 'regular' ORDER BY ctime DESC LIMIT 5000;
-- name: sudoers
SELECT source, header, rule_details FROM sudoers;
