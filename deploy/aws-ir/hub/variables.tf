variable "name" {
  description = "What the names of everything here begin with."
  type        = string
  default     = "securitybot-ir"
}

variable "bucket" {
  description = "Name of the evidence bucket to be made."
  type        = string
}

variable "lock_mode" {
  description = "Object Lock of evidence: GOVERNANCE can be lifted by whoever has the permission, COMPLIANCE by nobody."
  type        = string
  default     = "GOVERNANCE"

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.lock_mode)
    error_message = "GOVERNANCE or COMPLIANCE."
  }
}

variable "lock_days" {
  description = "How long evidence is locked."
  type        = number
  default     = 365
}

variable "package" {
  description = "Path of a zip with aws-ir for Linux on arm64, named bootstrap. Empty makes the bucket alone."
  type        = string
  default     = ""
}

variable "external_id" {
  description = "As in the module member."
  type        = string
  default     = ""
}

variable "roles" {
  description = "Names of the roles in member accounts: read, acquire, contain, release, and revoke where it is made."
  type        = map(string)
  default = {
    read    = "securitybot-ir-read"
    acquire = "securitybot-ir-acquire"
    contain = "securitybot-ir-contain"
    release = "securitybot-ir-release"
  }
}

variable "tools" {
  description = "Programs brought to hosts, by name and architecture such as avml/x86_64: bucket, key (below tools/) and sha256."
  type        = map(object({ bucket = string, key = string, sha256 = string }))
  default     = {}
}

variable "tags" {
  description = "Tags of everything made here."
  type        = map(string)
  default     = {}
}
