resource "aws_cloudwatch_metric_alarm" "cpu" {
  alarm_name          = "terraform-cpu"
  alarm_description   = "The shop is busy."
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.release.threshold
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2

  dimensions = {
    ClusterName = aws_ecs_cluster.shop.name
    ServiceName = aws_ecs_service.web.name
  }
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name          = "terraform-slow"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  extended_statistic  = "p99"
  unit                = "Seconds"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 0.5
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  dimensions = {
    LoadBalancer = aws_lb.shop.arn_suffix
    TargetGroup  = aws_lb_target_group.web.arn_suffix
  }
}
