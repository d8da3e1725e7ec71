# A shop on ECS as a platform engineer writes it. Seaway's embedded platform is behind the endpoints
# of the services that it has; EC2 and IAM are somebody else's.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "platform" {
  description = "Endpoint of the embedded platform."
  type        = string
}

variable "surroundings" {
  description = "Endpoint of what the platform does not have."
  type        = string
}

variable "image" {
  description = "Image that the service runs."
  type        = string
}

variable "python" {
  description = "Interpreter that the service is run with."
  type        = string
}

variable "release" {
  description = "What a change of the configuration changes."
  type = object({
    version     = string
    count       = number
    retention   = number
    health_path = string
    priority    = number
    secret      = string
    threshold   = number
  })
}

provider "aws" {
  region                      = "us-east-1"
  max_retries                 = 2
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true

  endpoints {
    cloudwatch     = var.platform
    ecr            = var.platform
    ecs            = var.platform
    elbv2          = var.platform
    logs           = var.platform
    secretsmanager = var.platform
    ssm            = var.platform
    sts            = var.platform

    ec2 = var.surroundings
    iam = var.surroundings
  }

  default_tags {
    tags = { suite = "conformance" }
  }
}
