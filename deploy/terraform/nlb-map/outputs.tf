output "table" {
  description = "For nlb_map.table in securitybot.yaml; with every: 0s the bot only reads it."
  value       = aws_dynamodb_table.map.name
}

output "function_role_arn" {
  description = "Whom the trust policy of the reading role in each account has to name."
  value       = aws_iam_role.function.arn
}

output "reader_policy_json" {
  description = "IAM policy for the role SecurityBot runs as."
  value       = data.aws_iam_policy_document.reader.json
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "PortMap"
    actions   = ["dynamodb:GetItem", "dynamodb:Query"]
    resources = [aws_dynamodb_table.map.arn]
  }
}
