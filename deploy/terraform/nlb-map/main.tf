# The map of ports behind network load balancers, read without the bot: a
# schedule starts a state machine, which calls a function for each account and
# region, which writes what it finds into a table.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

resource "aws_dynamodb_table" "map" {
  name         = var.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"
  tags         = var.tags

  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "S"
  }
  ttl {
    attribute_name = "expires"
    enabled        = true
  }
  server_side_encryption {
    enabled = true
  }
}

# ---- The function ------------------------------------------------------------

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 30
  tags              = var.tags
}

resource "aws_lambda_function" "scan" {
  function_name    = var.name
  role             = aws_iam_role.function.arn
  runtime          = "provided.al2023"
  architectures    = ["arm64"]
  handler          = "bootstrap"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  memory_size      = 256
  timeout          = 600
  tags             = var.tags

  environment {
    variables = {
      NLB_MAP_TABLE       = aws_dynamodb_table.map.name
      NLB_MAP_ROLE        = var.read_role
      NLB_MAP_EXTERNAL_ID = var.external_id
      NLB_MAP_ACCOUNTS    = join(",", var.accounts)
      NLB_MAP_FRESH       = "${var.fresh_minutes}m"
    }
  }
  depends_on = [aws_cloudwatch_log_group.function]
}

data "aws_iam_policy_document" "lambda_assumes" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  name               = "${var.name}-function"
  assume_role_policy = data.aws_iam_policy_document.lambda_assumes.json
  tags               = var.tags
}

# The table, its own log, and the reading role of the accounts. Nothing else.
data "aws_iam_policy_document" "function" {
  statement {
    sid       = "Table"
    actions   = ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [aws_dynamodb_table.map.arn]
  }
  statement {
    sid       = "Read"
    actions   = ["sts:AssumeRole"]
    resources = [for a in var.accounts : "arn:${data.aws_partition.this.partition}:iam::${a}:role/${var.read_role}"]
  }
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}

resource "aws_iam_role_policy" "function" {
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

# ---- The state machine and its schedule ---------------------------------------

locals {
  places = flatten([for a in var.accounts : [for r in var.regions : { account = a, region = r }]])
}

# A place that cannot be read has said so in the table, and must not keep the
# others from being read.
resource "aws_sfn_state_machine" "scan" {
  name     = var.name
  role_arn = aws_iam_role.machine.arn
  tags     = var.tags
  definition = jsonencode({
    Comment = "Reads the ports behind network load balancers of every account and region"
    StartAt = "Places"
    States = {
      Places = { Type = "Pass", Result = local.places, Next = "Each" }
      Each = {
        Type           = "Map"
        MaxConcurrency = var.concurrency
        ItemProcessor = {
          ProcessorConfig = { Mode = "INLINE" }
          StartAt         = "Scan"
          States = {
            Scan = {
              Type       = "Task"
              Resource   = "arn:${data.aws_partition.this.partition}:states:::lambda:invoke"
              Parameters = { FunctionName = aws_lambda_function.scan.arn, "Payload.$" = "$" }
              ResultPath = null
              Retry      = [{ ErrorEquals = ["Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.SdkClientException"], IntervalSeconds = 5, MaxAttempts = 5, BackoffRate = 2, JitterStrategy = "FULL" }]
              Catch      = [{ ErrorEquals = ["States.ALL"], ResultPath = null, Next = "Incomplete" }]
              End        = true
            }
            Incomplete = { Type = "Pass", End = true }
          }
        }
        ResultPath = null
        End        = true
      }
    }
  })
}

data "aws_iam_policy_document" "states_assumes" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_iam_role" "machine" {
  name               = "${var.name}-machine"
  assume_role_policy = data.aws_iam_policy_document.states_assumes.json
  tags               = var.tags
}

data "aws_iam_policy_document" "machine" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.scan.arn]
  }
}

resource "aws_iam_role_policy" "machine" {
  role   = aws_iam_role.machine.id
  policy = data.aws_iam_policy_document.machine.json
}

data "aws_iam_policy_document" "scheduler_assumes" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_iam_role" "schedule" {
  name               = "${var.name}-schedule"
  assume_role_policy = data.aws_iam_policy_document.scheduler_assumes.json
  tags               = var.tags
}

data "aws_iam_policy_document" "schedule" {
  statement {
    actions   = ["states:StartExecution"]
    resources = [aws_sfn_state_machine.scan.arn]
  }
}

resource "aws_iam_role_policy" "schedule" {
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule" "scan" {
  name                = var.name
  schedule_expression = "rate(${var.every_minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_sfn_state_machine.scan.arn
    role_arn = aws_iam_role.schedule.arn
    retry_policy {
      maximum_retry_attempts = 0 # the next round comes soon enough
    }
  }
}
