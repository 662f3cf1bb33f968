-- name: users
SELECT uid, gid, username, description, directory, shell FROM users;
-- name: groups
SELECT gid, groupname FROM groups;
-- name: members
SELECT u.username, g.groupname FROM user_groups ug JOIN users u ON u.uid = ug.uid JOIN groups g ON g.gid = ug.gid;
-- name: password_states
SELECT username, password_status, hash_alg, last_change, expire FROM shadow;
-- name: logged_in_users
SELECT type, user, tty, host, time, pid FROM logged_in_users;
-- name: last
SELECT username, tty, pid, type, time, host FROM last ORDER BY time DESC LIMIT 5000;
-- name: authorized_keys
SELECT u.username, k.algorithm, k.key, k.comment, k.options, k.key_file FROM users u CROSS JOIN authorized_keys k USING (uid);
-- name: known_hosts
SELECT u.username, k.key, k.key_file FROM users u CROSS JOIN known_hosts k USING (uid) LIMIT 5000;
-- name: shell_history
SELECT u.username, h.time, h.command, h.history_file FROM users u CROSS JOIN shell_history h USING (uid) LIMIT 20000;
-- name: sudoers
SELECT source, header, rule_details FROM sudoers;
