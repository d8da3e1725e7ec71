resource "aws_vpc" "shop" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "shop" {
  count             = 2
  vpc_id            = aws_vpc.shop.id
  cidr_block        = cidrsubnet(aws_vpc.shop.cidr_block, 8, count.index)
  availability_zone = "us-east-1${["a", "b"][count.index]}"
}

resource "aws_security_group" "shop" {
  name   = "shop"
  vpc_id = aws_vpc.shop.id
}

resource "aws_lb" "shop" {
  name               = "terraform"
  load_balancer_type = "application"
  subnets            = aws_subnet.shop[*].id
  security_groups    = [aws_security_group.shop.id]
  idle_timeout       = 30
}

resource "aws_lb_target_group" "web" {
  name                 = "terraform-web"
  port                 = 8000
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = aws_vpc.shop.id
  deregistration_delay = 5

  health_check {
    path                = var.release.health_path
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.shop.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "nothing here"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener" "moved" {
  load_balancer_arn = aws_lb.shop.arn
  port              = 8080
  protocol          = "HTTP"

  default_action {
    type = "redirect"
    redirect {
      port        = "80"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener_rule" "web" {
  listener_arn = aws_lb_listener.http.arn
  priority     = var.release.priority

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }

  condition {
    path_pattern {
      values = ["/web/*"]
    }
  }

  condition {
    host_header {
      values = ["shop.example.com", "*.example.org"]
    }
  }
}

resource "aws_lb_listener_rule" "weighted" {
  listener_arn = aws_lb_listener.http.arn
  priority     = 100

  action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.web.arn
        weight = 9
      }
      target_group {
        arn    = aws_lb_target_group.spare.arn
        weight = 1
      }
    }
  }

  condition {
    path_pattern {
      values = ["/weighted"]
    }
  }
}

resource "aws_lb_target_group" "spare" {
  name        = "terraform-spare"
  port        = 8000
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = aws_vpc.shop.id
}
