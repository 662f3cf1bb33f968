-- name: docker_info
SELECT id, containers, containers_running, images, storage_driver, server_version, root_dir FROM docker_info;
-- name: docker_containers
SELECT id, name, image, image_id, command, created, state, status, pid, path, privileged, security_options, env_variables, readonly_rootfs FROM docker_containers;
-- name: docker_images
SELECT id, created, size_bytes, tags FROM docker_images;
-- name: docker_ports
SELECT id, type, port, host_ip, host_port FROM docker_container_ports;
-- name: docker_mounts
SELECT id, type, name, source, destination, driver, mode, rw FROM docker_container_mounts;
-- name: docker_networks
SELECT id, name, gateway, ip_address, ipv6_address, mac_address FROM docker_container_networks;
-- name: docker_processes
SELECT p.id, p.pid, p.name, p.cmdline, p.uid, p.start_time FROM docker_containers c JOIN docker_container_processes p ON p.id = c.id LIMIT 20000;
-- name: namespaces
SELECT pid, cgroup_namespace, mnt_namespace, net_namespace, pid_namespace, user_namespace FROM process_namespaces LIMIT 50000;
