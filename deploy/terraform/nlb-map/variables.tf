variable "name" {
  description = "Name of the table, and what other names begin with."
  type        = string
  default     = "securitybot-nlb-map"
}

variable "accounts" {
  description = "Accounts to read: nlb_map.accounts of securitybot.yaml."
  type        = list(string)

  validation {
    condition     = length(var.accounts) > 0 && alltrue([for a in var.accounts : can(regex("^[0-9]{12}$", a))])
    error_message = "Give at least one account, each with its 12 digits."
  }
}

variable "regions" {
  description = "Regions to read: nlb_map.regions of securitybot.yaml."
  type        = list(string)

  validation {
    condition     = length(var.regions) > 0
    error_message = "Give at least one region."
  }
}

variable "package" {
  description = "Path of a zip file with the program: GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -o bootstrap ./cmd/nlb-map && zip nlb-map.zip bootstrap"
  type        = string
}

variable "read_role" {
  description = "Name of the role in each account that may read, with its path: aws_ir.roles.read of securitybot.yaml."
  type        = string
  default     = "securitybot-read"
}

variable "external_id" {
  description = "What the role's trust policy asks for: aws_ir.external_id of securitybot.yaml. Empty when it asks for nothing."
  type        = string
  default     = ""
}

variable "every_minutes" {
  description = "How often everything is read. nlb_map.fresh is at least twice that."
  type        = number
  default     = 15

  validation {
    condition     = var.every_minutes >= 5 && var.every_minutes <= 720
    error_message = "Between 5 minutes and 12 hours."
  }
}

variable "fresh_minutes" {
  description = "nlb_map.fresh of securitybot.yaml. Rows expire after twice that."
  type        = number
  default     = 45
}

variable "concurrency" {
  description = "How many accounts and regions are read at a time."
  type        = number
  default     = 10
}

variable "alarm_actions" {
  description = "ARNs to notify when accounts cannot be read, or nothing is read at all. None makes no alarms."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
}
