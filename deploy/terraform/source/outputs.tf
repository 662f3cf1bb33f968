output "topic_arn" {
  description = "For sqs.queues[].topics in securitybot.yaml."
  value       = aws_sns_topic.findings.arn
}

output "member_bus_arn" {
  description = "Parameter BusArn of cloudformation/member.yaml for this region; null without organization_id."
  value       = one(aws_cloudwatch_event_bus.members[*].arn)
}
