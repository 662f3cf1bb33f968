output "roles" {
  description = "Names of the roles, for roles in the configuration."
  value       = { for k, r in aws_iam_role.this : k => r.name }
}
