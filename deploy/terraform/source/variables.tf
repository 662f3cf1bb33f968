variable "name" {
  description = "Name of the topic, and beginning of the names of the rules."
  type        = string
  default     = "securitybot-findings"
}

variable "queue_arn" {
  description = "The queue of module queue, whose topic_arns must name this region's topic."
  type        = string
}

variable "coverage_and_scans" {
  description = "Send runtime coverage and malware scan events, too."
  type        = bool
  default     = true
}

variable "organization_id" {
  description = "AWS Organizations id (o-...) whose member accounts may send calls of GuardDuty to a bus of this region; null makes no bus. Some calls that weaken GuardDuty are recorded in the member account alone."
  type        = string
  default     = null
}

variable "encrypt_with_kms" {
  description = "Encrypt the topic with a key of your own."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything made."
  type        = map(string)
  default     = {}
}
