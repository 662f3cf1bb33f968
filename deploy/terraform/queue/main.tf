# The queue that SecurityBot reads, and its dead-letter queue.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  key_arn = var.encrypt_with_kms ? aws_kms_key.queue[0].arn : null
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600 # 14 days, the most SQS allows: time to look at it and to redrive
  kms_master_key_id         = local.key_arn
  sqs_managed_sse_enabled   = var.encrypt_with_kms ? null : true
  tags                      = var.tags
}

resource "aws_sqs_queue" "findings" {
  name                       = var.name
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 30 # SecurityBot sets its own with each receive
  receive_wait_time_seconds  = 20
  kms_master_key_id          = local.key_arn
  sqs_managed_sse_enabled    = var.encrypt_with_kms ? null : true
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receive_count
  })
}

# Only this queue may use the dead-letter queue.
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.findings.arn]
  })
}

# Only SNS may send, only for the topics that are named (whose ARNs hold their
# account), and nobody without TLS.
data "aws_iam_policy_document" "findings" {
  statement {
    sid       = "TopicsSend"
    effect    = "Allow"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.findings.arn]
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = var.topic_arns
    }
  }

  statement {
    sid       = "OnlyTLS"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.findings.arn]
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

resource "aws_sqs_queue_policy" "findings" {
  queue_url = aws_sqs_queue.findings.id
  policy    = data.aws_iam_policy_document.findings.json
}

# Without these grants SNS drops every message for an encrypted queue.
data "aws_iam_policy_document" "key" {
  count = var.encrypt_with_kms ? 1 : 0

  statement {
    sid       = "AccountAdministers"
    effect    = "Allow"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }

  statement {
    sid       = "TopicsEncrypt"
    effect    = "Allow"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = ["*"] # in a key policy: this key
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = var.topic_arns
    }
  }
}

resource "aws_kms_key" "queue" {
  count               = var.encrypt_with_kms ? 1 : 0
  description         = "SecurityBot findings in SQS"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key[0].json
  tags                = var.tags
}

# What SecurityBot may do: read, extend, delete. It never sends.
data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "ReadFindings"
    effect    = "Allow"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.findings.arn]
  }

  statement {
    sid       = "WatchDeadLetters"
    effect    = "Allow"
    actions   = ["sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.dead.arn]
  }

  dynamic "statement" {
    for_each = aws_kms_key.queue
    content {
      sid       = "Decrypt"
      effect    = "Allow"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}

# A dead letter is a finding nobody has seen, or somebody trying something.
resource "aws_cloudwatch_metric_alarm" "dead" {
  count               = length(var.alarm_actions) > 0 ? 1 : 0
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "SecurityBot could not use a message; see the reason where it was parked, then redrive or delete it."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  tags                = var.tags
}

# The queue grows old only when no SecurityBot reads it: this alarm does not
# depend on SecurityBot.
resource "aws_cloudwatch_metric_alarm" "old" {
  count               = length(var.alarm_actions) > 0 ? 1 : 0
  alarm_name          = "${var.name}-not-read"
  alarm_description   = "SecurityBot does not keep up with its findings, or does not run."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.findings.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = var.alarm_age_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  tags                = var.tags
}
