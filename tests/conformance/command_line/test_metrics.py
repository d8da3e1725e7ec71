"""Metrics and alarms: what is put, what the platform puts itself, and what alarms make of it."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from waiting import until

NAMESPACE = "Conformance"


@pytest.fixture
def alarm(aws, prefix):
    """An alarm on a metric of the test's own."""
    name = f"{prefix}-orders"
    aws("cloudwatch", "put-metric-alarm", "--alarm-name", name, "--namespace", NAMESPACE,
        "--metric-name", "Failed", "--dimensions", f"Name=Suite,Value={prefix}",
        "--statistic", "Sum", "--period", "10", "--evaluation-periods", "1", "--threshold", "5",
        "--comparison-operator", "GreaterThanThreshold", "--treat-missing-data", "notBreaching")
    yield name
    aws("cloudwatch", "delete-alarms", "--alarm-names", name)


def test_what_is_put_is_read_back_with_statistics_and_percentiles(aws, prefix):
    dimension = f"Name=Suite,Value={prefix}"
    data = [{"MetricName": "Latency", "Unit": "Milliseconds", "Value": value,
             "Dimensions": [{"Name": "Suite", "Value": prefix}]} for value in range(1, 11)]
    aws("cloudwatch", "put-metric-data", "--namespace", NAMESPACE, "--metric-data",
        json.dumps(data))
    read = ["cloudwatch", "get-metric-statistics", "--namespace", NAMESPACE, "--metric-name",
            "Latency", "--dimensions", dimension, "--period", "3600", *_last_hour()]
    points = aws(*read, "--statistics", "Sum", "Average", "Minimum", "Maximum",
                 "SampleCount")["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 10
    assert sum(point["Sum"] for point in points) == 55
    assert min(point["Minimum"] for point in points) == 1
    assert max(point["Maximum"] for point in points) == 10
    assert {point["Unit"] for point in points} == {"Milliseconds"}
    points = aws(*read, "--extended-statistics", "p99")["Datapoints"]
    assert max(point["ExtendedStatistics"]["p99"] for point in points) == pytest.approx(10, 0.05)
    listed = aws("cloudwatch", "list-metrics", "--namespace", NAMESPACE, "--metric-name", "Latency",
                 "--dimensions", dimension)["Metrics"]
    assert len(listed) == 1


def test_an_alarm_is_raised_by_its_metric(aws, alarm, prefix):
    aws.run("cloudwatch", "wait", "alarm-exists", "--alarm-names", alarm)
    # One that is looked at every ten seconds needs values of that resolution.
    aws("cloudwatch", "put-metric-data", "--namespace", NAMESPACE, "--metric-name", "Failed",
        "--value", "9", "--dimensions", f"Suite={prefix}", "--storage-resolution", "1")
    until(lambda: _state(aws, alarm) == "ALARM", patience=90)
    history = aws("cloudwatch", "describe-alarm-history", "--alarm-name", alarm,
                  "--history-item-type", "StateUpdate")["AlarmHistoryItems"]
    assert "to ALARM" in history[0]["HistorySummary"]


def test_an_alarm_is_set_by_hand(aws, alarm):
    aws("cloudwatch", "set-alarm-state", "--alarm-name", alarm, "--state-value", "ALARM",
        "--state-reason", "a test")
    shown = aws("cloudwatch", "describe-alarms", "--alarm-names", alarm)["MetricAlarms"][0]
    assert (shown["StateValue"], shown["StateReason"]) == ("ALARM", "a test")
    assert (shown["Threshold"], shown["TreatMissingData"]) == (5, "notBreaching")


def test_what_cannot_be_is_refused(aws):
    refused = aws.fails("cloudwatch", "set-alarm-state", "--alarm-name", "nobody", "--state-value",
                        "OK", "--state-reason", "x")
    assert "(ResourceNotFound" in refused


def _last_hour():
    now = datetime.now(timezone.utc)
    start, end = now - timedelta(hours=1), now + timedelta(minutes=1)
    return ["--start-time", start.isoformat(), "--end-time", end.isoformat()]


def _state(aws, alarm):
    return aws("cloudwatch", "describe-alarms", "--alarm-names", alarm, "--query",
               "MetricAlarms[0].StateValue")
