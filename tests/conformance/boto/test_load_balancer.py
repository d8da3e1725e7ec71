"""A load balancer's rules, asked over HTTP for what the API says they do."""

import http.client
from urllib.parse import urlsplit

import pytest

from definitions import PORT


def words(text, status="200"):
    return {"Type": "fixed-response", "FixedResponseConfig": {
        "StatusCode": status, "ContentType": "text/plain", "MessageBody": text}}


@pytest.fixture(scope="module")
def listener(elbv2):
    """The ARN of a listener that answers nothing but 404."""
    balancer = elbv2.create_load_balancer(
        Name="rules", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]["LoadBalancerArn"]
    yield elbv2.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
        DefaultActions=[words("nothing", "404")])["Listeners"][0]["ListenerArn"]
    elbv2.delete_load_balancer(LoadBalancerArn=balancer)


@pytest.fixture(scope="module")
def get(address, listener):
    """Asks the load balancer: `get(path, **headers)` is a status, headers and a text."""
    place = urlsplit(address("rules"))

    def get(path, **headers):
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
        connection.request("GET", path, headers={
            name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text
    return get


@pytest.fixture
def rule(elbv2, listener):
    """Makes rules that are gone with the test: `rule(priority, conditions, action)`."""
    made = []

    def rule(priority, conditions, action):
        answer = elbv2.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions,
                                   Actions=[action])
        made.append(answer["Rules"][0]["RuleArn"])
        return made[-1]
    yield rule
    for arn in made:
        elbv2.delete_rule(RuleArn=arn)


def path(*patterns):
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(patterns)}}


def test_the_lowest_priority_that_matches_answers(elbv2, get, rule):
    assert get("/a/b")[::2] == (404, "nothing")
    wide = rule(20, [path("/a/*")], words("wide"))
    narrow = rule(10, [path("/a/b")], words("narrow"))
    assert get("/a/b")[2] == "narrow"
    assert get("/a/c")[2] == "wide"
    elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": wide, "Priority": 5}])
    assert get("/a/b")[2] == "wide"
    with pytest.raises(elbv2.exceptions.PriorityInUseException):
        elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": narrow, "Priority": 5}])


def test_conditions_look_at_host_header_query_and_method(get, rule):
    rule(1, [{"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.org"]}}],
         words("host"))
    rule(2, [{"Field": "http-header", "HttpHeaderConfig": {
        "HttpHeaderName": "X-Version", "Values": ["2*"]}}], words("header"))
    rule(3, [{"Field": "query-string", "QueryStringConfig": {
        "Values": [{"Key": "beta", "Value": "yes"}]}}], words("query"))
    rule(4, [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
             path("/only/get")], words("method"))
    assert get("/", Host="shop.example.org")[2] == "host"
    assert get("/", X_Version="2.1")[2] == "header"
    assert get("/?beta=yes")[2] == "query"
    assert get("/only/get")[2] == "method"
    assert get("/")[2] == "nothing"


def test_a_redirect_keeps_the_parts_that_it_does_not_name(get, rule):
    rule(1, [path("/old/*")], {"Type": "redirect", "RedirectConfig": {
        "Host": "shop.example.com", "Path": "/new", "Port": "8443", "Protocol": "HTTPS",
        "StatusCode": "HTTP_301"}})
    status, headers, _ = get("/old/x?page=2")
    assert (status, headers["Location"]) == (301, "https://shop.example.com:8443/new?page=2")


def test_a_group_without_targets_is_unavailable_and_in_use(elbv2, get, rule):
    group = elbv2.create_target_group(
        Name="rules", Protocol="HTTP", Port=PORT, VpcId="vpc-1",
        TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    forwarding = rule(1, [path("/empty")], {"Type": "forward", "TargetGroupArn": group})
    assert get("/empty")[0] == 503
    with pytest.raises(elbv2.exceptions.ResourceInUseException):
        elbv2.delete_target_group(TargetGroupArn=group)
    elbv2.modify_rule(RuleArn=forwarding, Actions=[words("instead")])
    assert get("/empty")[2] == "instead"
    elbv2.delete_target_group(TargetGroupArn=group)
