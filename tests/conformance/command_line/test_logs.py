"""What tasks write, read back and followed."""

import json
import time

import pytest

from definitions import NETWORK_WORDS, script
from waiting import until


@pytest.fixture(scope="module")
def talker(aws, cluster, image, tmp_path_factory):
    """A task that wrote a few lines and goes on with one every half second; its log group."""
    lines = r"""
        echo '{"level":"info","message":"hello"}'
        echo '{"level":"error","message":"out of stock","left":0}'
        echo 'plain words'
        n=0; while :; do n=$((n+1)); echo "tick $n"; sleep 0.5; done
    """
    request = script(f"{cluster}-talker", image, lines)
    file = tmp_path_factory.mktemp("talker") / "task.json"
    file.write_text(json.dumps(request))
    aws("ecs", "register-task-definition", "--cli-input-json", f"file://{file}")
    task = aws.text("ecs", "run-task", "--cluster", cluster, "--task-definition",
                    f"{cluster}-talker", "--network-configuration", NETWORK_WORDS,
                    "--query", "tasks[0].taskArn")
    group = f"/conformance/{cluster}-talker"
    until(lambda: _matching(aws, group, "tick"))
    yield group
    aws("ecs", "stop-task", "--cluster", cluster, "--task", task)
    aws.run("ecs", "wait", "tasks-stopped", "--cluster", cluster, "--tasks", task)


def _matching(aws, group, pattern, *more):
    groups = aws("logs", "describe-log-groups", "--log-group-name-prefix", group)["logGroups"]
    if not groups:
        return []
    return aws("logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", pattern,
               *more, "--query", "events[].message")


def test_events_are_filtered_by_words_and_by_fields(aws, talker):
    assert _matching(aws, talker, "words") == ["plain words"]
    assert _matching(aws, talker, '"out of stock"') == [
        '{"level":"error","message":"out of stock","left":0}']
    assert _matching(aws, talker, '{ $.level = "error" && $.left < 1 }') == [
        '{"level":"error","message":"out of stock","left":0}']
    assert _matching(aws, talker, "?hello ?words -stock") == [
        '{"level":"info","message":"hello"}', "plain words"]


def test_events_are_filtered_page_by_page(aws, talker):
    until(lambda: len(_matching(aws, talker, "tick")) >= 4)
    paged = _matching(aws, talker, "tick", "--page-size", "1", "--max-items", "3")
    assert paged == ["tick 1", "tick 2", "tick 3"]


def test_a_stream_is_read_forwards_and_on(aws, talker):
    streams = aws("logs", "describe-log-streams", "--log-group-name", talker)["logStreams"]
    assert len(streams) == 1 and streams[0]["logStreamName"].startswith("ecs/web/")
    read = ["logs", "get-log-events", "--log-group-name", talker, "--log-stream-name",
            streams[0]["logStreamName"], "--start-from-head"]
    first = aws(*read, "--limit", "3")
    assert [event["message"] for event in first["events"]][2] == "plain words"
    then = aws(*read, "--limit", "1", "--next-token", first["nextForwardToken"])
    assert [event["message"] for event in then["events"]] == ["tick 1"]
    back = aws(*read, "--limit", "3", "--next-token", then["nextBackwardToken"])
    assert back["events"] == first["events"]


@pytest.mark.since(v1=None, v2=(2, 0, 0))
def test_tail_shows_what_was_and_follows_what_comes(aws, talker):
    shown = aws.run("logs", "tail", talker, "--since", "1h", "--format", "short")
    assert "plain words" in shown
    following = aws.start("logs", "tail", talker, "--follow", "--since", "1s", "--format", "short")
    try:
        lines = [following.stdout.readline().strip() for _ in range(6)]
    finally:
        following.terminate()
        following.wait(timeout=10)
    ticks = [int(line.rsplit(" ", 1)[1]) for line in lines]
    assert ticks == list(range(ticks[0], ticks[0] + 6)), lines


def test_a_group_is_made_kept_for_days_and_tagged(aws, prefix):
    group = f"/conformance/{prefix}-own"
    aws("logs", "create-log-group", "--log-group-name", group, "--tags", "team=shop")
    aws("logs", "put-retention-policy", "--log-group-name", group, "--retention-in-days", "14")
    described = aws("logs", "describe-log-groups", "--log-group-name-prefix", group)["logGroups"]
    assert [(one["logGroupName"], one["retentionInDays"]) for one in described] == [(group, 14)]
    assert aws("logs", "list-tags-log-group", "--log-group-name", group)["tags"] == {"team": "shop"}
    aws("logs", "create-log-stream", "--log-group-name", group, "--log-stream-name", "one")
    aws("logs", "put-log-events", "--log-group-name", group, "--log-stream-name", "one",
        "--log-events", f"timestamp={int(time.time() * 1000)},message=hello")
    assert _matching(aws, group, "hello") == ["hello"]
    refused = aws.fails("logs", "create-log-group", "--log-group-name", group)
    assert "(ResourceAlreadyExistsException)" in refused
    aws("logs", "delete-log-group", "--log-group-name", group)
    refused = aws.fails("logs", "filter-log-events", "--log-group-name", group)
    assert refused.endswith("An error occurred (ResourceNotFoundException) when calling the "
                            "FilterLogEvents operation: The specified log group does not exist.")
