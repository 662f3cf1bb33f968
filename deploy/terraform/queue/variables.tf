variable "name" {
  description = "Name of the queue; the dead-letter queue is NAME-dead."
  type        = string
  default     = "securitybot-findings"
}

variable "topic_arns" {
  description = "ARNs of the SNS topics that may send: one of each region (see the output topic_arn of module source), and GuardDuty's announcements if wanted. No wildcards."
  type        = list(string)

  validation {
    condition     = length(var.topic_arns) > 0 && alltrue([for a in var.topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", a))])
    error_message = "Give at least one topic, each as the full ARN of a standard topic."
  }
}

variable "max_receive_count" {
  description = "How often a message is delivered before it goes to the dead-letter queue. Unusable messages need ten minutes for 20; findings that cannot be stored, because the store is down, about two hours."
  type        = number
  default     = 20

  validation {
    condition     = var.max_receive_count >= 5 && var.max_receive_count <= 1000
    error_message = "Between 5 and 1000: below 5 an outage of minutes sends findings to the dead-letter queue."
  }
}

variable "encrypt_with_kms" {
  description = "Encrypt both queues with a key of your own instead of the one SQS manages."
  type        = bool
  default     = false
}

variable "alarm_actions" {
  description = "ARNs to notify about dead letters and about findings that are not read. None makes no alarms."
  type        = list(string)
  default     = []
}

variable "alarm_age_seconds" {
  description = "Age of the oldest finding that is an alarm, when it lasts for five minutes. A message that waits for the dead-letter queue counts, too."
  type        = number
  default     = 1200
}

variable "tags" {
  description = "Tags of everything made."
  type        = map(string)
  default     = {}
}
