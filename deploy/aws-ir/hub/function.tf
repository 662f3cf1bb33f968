# The function, and the state machine that calls it step by step.

locals {
  evidence = jsondecode(templatefile("${path.module}/../evidence-policy.json", { bucket = aws_s3_bucket.evidence.bucket, partition = data.aws_partition.this.partition }))
  evidence_policy = jsonencode({
    Version = local.evidence.Version
    Statement = concat(local.evidence.Statement, [{
      Sid      = "Key"
      Effect   = "Allow"
      Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
      Resource = [aws_kms_key.evidence.arn]
    }])
  })

  with_function = var.package == "" ? 0 : 1

  config = yamlencode({
    roles       = var.roles
    external_id = var.external_id
    evidence = {
      bucket    = aws_s3_bucket.evidence.bucket
      region    = data.aws_region.this.name
      kms_key   = aws_kms_key.evidence.arn
      lock_mode = var.lock_mode
      lock_days = var.lock_days
    }
    tools = var.tools
  })
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  count              = local.with_function
  name               = "${var.name}-function"
  description        = "SecurityBot aws-ir, the function"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
  tags               = var.tags
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "MemberRoles"
    effect    = "Allow"
    actions   = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    resources = [for r in var.roles : "arn:${data.aws_partition.this.partition}:iam::*:role/${r}"]
  }

  statement {
    sid       = "Logs"
    effect    = "Allow"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}

resource "aws_iam_role_policy" "function" {
  count  = local.with_function
  name   = "aws-ir"
  role   = aws_iam_role.function[0].id
  policy = data.aws_iam_policy_document.function.json
}

resource "aws_iam_role_policy" "evidence" {
  count  = local.with_function
  name   = "evidence"
  role   = aws_iam_role.function[0].id
  policy = local.evidence_policy
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 365
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  count            = local.with_function
  function_name    = var.name
  description      = "SecurityBot aws-ir: one step of a job"
  role             = aws_iam_role.function[0].arn
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  runtime          = "provided.al2023"
  architectures    = ["arm64"]
  handler          = "bootstrap"
  timeout          = 60
  memory_size      = 256
  tags             = var.tags

  environment {
    variables = { AWS_IR_CONFIG = local.config }
  }

  depends_on = [aws_cloudwatch_log_group.function]
}

data "aws_iam_policy_document" "states" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "states" {
  count              = local.with_function
  name               = "${var.name}-states"
  description        = "SecurityBot aws-ir, the state machine"
  assume_role_policy = data.aws_iam_policy_document.states.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "states" {
  count = local.with_function
  name  = "step"
  role  = aws_iam_role.states[0].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [aws_lambda_function.this[0].arn] }]
  })
}

resource "aws_sfn_state_machine" "this" {
  count      = local.with_function
  name       = var.name
  type       = "STANDARD"
  role_arn   = aws_iam_role.states[0].arn
  definition = templatefile("${path.module}/../state-machine.json", { function = aws_lambda_function.this[0].arn, partition = data.aws_partition.this.partition })
  tags       = var.tags
}

output "state_machine" {
  description = "Start a job here; null without a package."
  value       = one(aws_sfn_state_machine.this[*].arn)
}

output "function_role" {
  description = "For principals of the module member; null without a package."
  value       = one(aws_iam_role.function[*].arn)
}
