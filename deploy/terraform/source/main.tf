# What sends findings of one region: EventBridge rules → SNS topic → queue.
# Use it once for each region, in the account that administers GuardDuty.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id

  # GuardDuty's own events, and the calls that weaken it. Calls that only read
  # are not delivered to EventBridge.
  patterns = {
    findings = {
      source      = ["aws.guardduty"]
      detail-type = concat(["GuardDuty Finding"], [for t in local.coverage_and_scans : t if var.coverage_and_scans])
    }
    calls = {
      source      = ["aws.guardduty"]
      detail-type = ["AWS API Call via CloudTrail"]
      detail      = { eventSource = ["guardduty.amazonaws.com"] }
    }
  }

  coverage_and_scans = [
    "GuardDuty Runtime Protection Healthy",
    "GuardDuty Runtime Protection Unhealthy",
    { prefix = "GuardDuty Malware Protection" },
  ]

  # Member accounts send their calls to a bus of ours (cloudformation/member.yaml).
  buses = merge({ default = "default" }, { for b in aws_cloudwatch_event_bus.members : "members" => b.name })
  rules = merge([for b, bus in local.buses : {
    for p, pattern in local.patterns : "${b}-${p}" => { bus = bus, pattern = pattern } if b == "default" || p == "calls"
  }]...)
}

resource "aws_sns_topic" "findings" {
  name              = var.name
  signature_version = 2 # SHA-256; SecurityBot checks it with verify_sns
  kms_master_key_id = var.encrypt_with_kms ? aws_kms_key.topic[0].arn : null
  tags              = var.tags
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each       = local.rules
  name           = "${var.name}-${each.key}"
  description    = "GuardDuty to SecurityBot"
  event_bus_name = each.value.bus
  event_pattern  = jsonencode(each.value.pattern)
  tags           = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each       = local.rules
  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = each.value.bus
  target_id      = "securitybot"
  arn            = aws_sns_topic.findings.arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

# Only EventBridge may publish, only for these rules, and nobody without TLS.
data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "RulesPublish"
    effect    = "Allow"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.findings.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for r in aws_cloudwatch_event_rule.this : r.arn]
    }
  }

  statement {
    sid       = "OnlyTLS"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.findings.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "findings" {
  arn    = aws_sns_topic.findings.arn
  policy = data.aws_iam_policy_document.topic.json
}

# The queue may be in another region, of the same partition.
resource "aws_sns_topic_subscription" "queue" {
  topic_arn            = aws_sns_topic.findings.arn
  protocol             = "sqs"
  endpoint             = var.queue_arn
  raw_message_delivery = false # the envelope carries the signature
}

resource "aws_cloudwatch_event_bus" "members" {
  count = var.organization_id == null ? 0 : 1
  name  = "${var.name}-members"
  tags  = var.tags
}

# Only accounts of the organization may put events, only GuardDuty's.
data "aws_iam_policy_document" "members" {
  count = var.organization_id == null ? 0 : 1

  statement {
    sid       = "MembersPutEvents"
    effect    = "Allow"
    actions   = ["events:PutEvents"]
    resources = [aws_cloudwatch_event_bus.members[0].arn]
    principals {
      type        = "AWS"
      identifiers = ["*"] # narrowed by the organization
    }
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = [var.organization_id]
    }
    condition {
      test     = "StringEquals"
      variable = "events:source"
      values   = ["aws.guardduty"]
    }
  }
}

resource "aws_cloudwatch_event_bus_policy" "members" {
  count          = var.organization_id == null ? 0 : 1
  event_bus_name = aws_cloudwatch_event_bus.members[0].name
  policy         = data.aws_iam_policy_document.members[0].json
}

# EventBridge needs the key of an encrypted topic. The grant names no rule:
# which rules may publish is decided by the topic's policy.
data "aws_iam_policy_document" "key" {
  count = var.encrypt_with_kms ? 1 : 0

  statement {
    sid       = "AccountAdministers"
    effect    = "Allow"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "EventBridgeEncrypts"
    effect    = "Allow"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = ["*"] # in a key policy: this key
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_kms_key" "topic" {
  count               = var.encrypt_with_kms ? 1 : 0
  description         = "SecurityBot findings in SNS"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key[0].json
  tags                = var.tags
}
