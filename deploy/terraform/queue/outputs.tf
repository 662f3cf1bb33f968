output "queue_url" {
  description = "For sqs.queues[].url in securitybot.yaml."
  value       = aws_sqs_queue.findings.url
}

output "queue_arn" {
  description = "For queue_arn of module source."
  value       = aws_sqs_queue.findings.arn
}

output "dead_letter_queue_url" {
  description = "Where to look, and what to redrive from."
  value       = aws_sqs_queue.dead.url
}

output "reader_policy_json" {
  description = "IAM policy for the role SecurityBot runs as."
  value       = data.aws_iam_policy_document.reader.json
}
