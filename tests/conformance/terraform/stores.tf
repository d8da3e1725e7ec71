resource "aws_ecr_repository" "web" {
  name                 = "terraform/web"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the newest."
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "pull"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

resource "aws_secretsmanager_secret" "database" {
  name                    = "terraform/database"
  description             = "Where the shop keeps its orders."
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = jsonencode({ url = var.release.secret })
}

resource "aws_ssm_parameter" "level" {
  name        = "/terraform/web/level"
  description = "How much is logged."
  type        = "String"
  value       = var.release.version
}

resource "aws_ssm_parameter" "token" {
  name  = "/terraform/web/token"
  type  = "SecureString"
  value = var.release.secret
}

resource "aws_ssm_parameter" "hosts" {
  name  = "/terraform/web/hosts"
  type  = "StringList"
  value = "a.example.com,b.example.com"
}

resource "aws_cloudwatch_log_group" "web" {
  name              = "/conformance/terraform-web"
  retention_in_days = var.release.retention
}

resource "aws_cloudwatch_log_stream" "notes" {
  name           = "notes"
  log_group_name = aws_cloudwatch_log_group.web.name
}
