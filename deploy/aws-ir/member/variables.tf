variable "principals" {
  description = "ARNs of the roles that the bot, the function and responders' aws-ir run under, in the responders' account."
  type        = list(string)

  validation {
    condition     = length(var.principals) > 0 && alltrue([for p in var.principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$", p))])
    error_message = "Name at least one role by its ARN; users and whole accounts are not taken."
  }
}

variable "external_id" {
  description = "What whoever assumes the roles must say; external_id in the configuration."
  type        = string

  validation {
    condition     = length(var.external_id) >= 16
    error_message = "At least 16 characters."
  }
}

variable "prefix" {
  description = "What the names of the roles begin with."
  type        = string
  default     = "securitybot-ir-"
}

variable "roles" {
  description = "Whether to make the roles. They are for all regions: say false in all regions but one."
  type        = bool
  default     = true
}

variable "revoke" {
  description = "Whether to make the role that puts policies into IAM roles tagged securitybot:revocable=true. Whoever has it can give those every right: tag roles of workloads only."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything made here."
  type        = map(string)
  default     = {}
}
