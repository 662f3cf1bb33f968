# What aws-ir needs in the account of an instance: four roles, with revoke a
# fifth, and in each region the documents. Use it once for each account and
# region.

data "aws_partition" "this" {}

locals {
  roles     = var.roles ? toset(concat(["read", "acquire", "contain", "release"], var.revoke ? ["revoke"] : [])) : toset([])
  documents = { for f in fileset("${path.module}/../documents", "*.json") : trimsuffix(f, ".json") => file("${path.module}/../documents/${f}") }
}

# Sessions name the person (SourceIdentity): without it nobody gets in.
data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Responders"
    effect  = "Allow"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = var.principals
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
    condition {
      test     = "StringLike"
      variable = "sts:SourceIdentity"
      values   = ["?*"]
    }
  }

  statement {
    sid     = "NameThePerson"
    effect  = "Allow"
    actions = ["sts:SetSourceIdentity", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = var.principals
    }
  }
}

resource "aws_iam_role" "this" {
  for_each             = local.roles
  name                 = "${var.prefix}${each.key}"
  description          = "SecurityBot aws-ir: ${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
  tags                 = var.tags
}

# Made by "securitybot iam-policy --role ROLE".
resource "aws_iam_role_policy" "this" {
  for_each = local.roles
  name     = "aws-ir"
  role     = aws_iam_role.this[each.key].id
  policy   = replace(file("${path.module}/../policies/${each.key}.json"), "arn:aws:", "arn:${data.aws_partition.this.partition}:")
}

# Made by "aws-ir documents". A change becomes a new version beside the old
# one; commands name the version and its hash.
resource "aws_ssm_document" "this" {
  for_each        = local.documents
  name            = each.key
  document_type   = "Command"
  document_format = "JSON"
  version_name    = "v-${substr(sha256(each.value), 0, 16)}"
  content         = each.value
  tags            = var.tags

  lifecycle {
    postcondition {
      condition     = self.hash == sha256(each.value)
      error_message = "SSM stored other bytes than were sent; commands pinned to the hash would be refused."
    }
  }
}
