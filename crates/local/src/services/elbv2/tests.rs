//! Elastic Load Balancing through signed requests.

use std::sync::Arc;

use http::StatusCode;
use seaway_aws_wire::Service;
use seaway_router::DrainPolicy;

mod https;
mod rules;
mod sharing;

use super::Elbv2;
use crate::balancing::{Balancing, BalancingOptions};
use crate::keys::StoreKey;
use crate::services::Blocking;
use crate::store::Store;
use crate::testing::TestPlatform;

/// A platform with load balancing and nothing else that would need a task.
struct Elb {
    platform: TestPlatform,
    balancing: Arc<Balancing>,
    dir: tempfile::TempDir,
}

impl Elb {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let options = BalancingOptions {
            access_log: None,
            draining: DrainPolicy::WhenIdle,
            disturbances: None,
            tls: crate::testing::tls(dir.path()),
        };
        let balancing = Balancing::start(Arc::new(store), options).unwrap();
        let handler = Arc::new(Elbv2::new(Arc::clone(&balancing)));
        let platform = TestPlatform::start_with(|services| {
            services.with(Service::Elbv2, Blocking::new(handler))
        })
        .await;
        Self {
            platform,
            balancing,
            dir,
        }
    }

    /// Calls an operation that must succeed, and returns the answer's text.
    async fn ok(&self, form: &str) -> String {
        let (status, text) = self.send(form).await;
        assert_eq!(status, StatusCode::OK, "{form}: {text}");
        text
    }

    /// Calls an operation that must fail, and returns the error's code and message.
    async fn refused(&self, form: &str) -> (String, String) {
        let (status, text) = self.send(form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{form}: {text}");
        let message = first(&text, "Message").replace("&apos;", "'");
        (first(&text, "Code").to_owned(), message)
    }

    async fn code(&self, form: &str) -> String {
        self.refused(form).await.0
    }

    async fn send(&self, form: &str) -> (StatusCode, String) {
        let form = format!("Version=2015-12-01&Action={form}");
        let answer = self.platform.query(Service::Elbv2, &form).await;
        (answer.status, answer.text())
    }

    async fn balancer(&self, name: &str) -> String {
        let form = format!("CreateLoadBalancer&Name={name}&Scheme=internal&{SUBNETS}");
        first(&self.ok(&form).await, "LoadBalancerArn").to_owned()
    }

    async fn listener(&self, balancer: &str) -> String {
        let form =
            format!("CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{NOT_FOUND}");
        first(&self.ok(&form).await, "ListenerArn").to_owned()
    }

    async fn group(&self, name: &str) -> String {
        let form = format!("{}&Name={name}", NEW_GROUP);
        first(&self.ok(&form).await, "TargetGroupArn").to_owned()
    }

    async fn rule(&self, listener: &str, priority: u32, group: &str) -> String {
        let answer = self.ok(&rule_form(listener, priority, group)).await;
        first(&answer, "RuleArn").to_owned()
    }
}

/// Enough of them for a load balancer.
const SUBNETS: &str = "Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
const NEW_GROUP: &str = "CreateTargetGroup&TargetType=ip&Protocol=HTTP&Port=8000";
const NOT_FOUND: &str = "DefaultActions.member.1.Type=fixed-response\
    &DefaultActions.member.1.FixedResponseConfig.StatusCode=404";

fn rule_form(listener: &str, priority: u32, group: &str) -> String {
    format!(
        "CreateRule&ListenerArn={listener}&Priority={priority}\
         &Conditions.member.1.Field=path-pattern\
         &Conditions.member.1.PathPatternConfig.Values.member.1=%2Fapi%2F*\
         &Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={group}"
    )
}

/// The text of the first element with this name.
fn first<'a>(text: &'a str, element: &str) -> &'a str {
    all(text, element)
        .first()
        .copied()
        .unwrap_or_else(|| panic!("no {element} in {text}"))
}

/// The texts of all elements with this name.
fn all<'a>(text: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let parts = text.split(&open).skip(1);
    parts.filter_map(|part| part.split(&close).next()).collect()
}

#[tokio::test]
async fn a_load_balancer_has_the_defaults_and_the_arn_of_aws() {
    let elb = Elb::start().await;
    let one = "CreateLoadBalancer&Name=shop&Subnets.member.1=subnet-a";
    assert_eq!(elb.code(one).await, "ValidationError");
    let created = elb.ok(&format!("{one}&Subnets.member.2=subnet-b")).await;
    let arn = first(&created, "LoadBalancerArn");
    let prefix = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/shop/";
    assert_eq!(arn.strip_prefix(prefix).map(str::len), Some(16), "{arn}");
    assert_eq!(first(&created, "Scheme"), "internet-facing");
    assert_eq!(first(&created, "Type"), "application");
    assert_eq!(first(&created, "Code"), "active");
    assert_eq!(first(&created, "DNSName"), "shop.elb.local.seaway.internal");
    let attributes = elb
        .ok(&format!(
            "DescribeLoadBalancerAttributes&LoadBalancerArn={arn}"
        ))
        .await;
    assert!(attributes.contains("<Key>idle_timeout.timeout_seconds</Key><Value>60</Value>"));
}

#[tokio::test]
async fn groups_subnets_and_address_types_of_a_load_balancer_change() {
    let elb = Elb::start().await;
    let arn = elb.balancer("shop").await;
    let of = |operation: &str| format!("{operation}&LoadBalancerArn={arn}");
    let groups = of("SetSecurityGroups") + "&SecurityGroups.member.1=sg-1";
    assert!(elb.ok(&groups).await.contains("<member>sg-1</member>"));
    let one = of("SetSubnets") + "&Subnets.member.1=subnet-a";
    assert_eq!(elb.code(&one).await, "ValidationError");
    let two = one + "&Subnets.member.2=subnet-b";
    assert_eq!(
        all(&elb.ok(&two).await, "SubnetId"),
        ["subnet-a", "subnet-b"]
    );
    let kind = of("SetIpAddressType") + "&IpAddressType=dualstack";
    assert_eq!(first(&elb.ok(&kind).await, "IpAddressType"), "dualstack");

    let described = elb.ok("DescribeLoadBalancers").await;
    assert!(described.contains("<member>sg-1</member>"), "{described}");
    assert_eq!(all(&described, "SubnetId"), ["subnet-a", "subnet-b"]);
    assert_eq!(first(&described, "IpAddressType"), "dualstack");
    let unknown = of("SetIpAddressType") + "&IpAddressType=ipv9";
    assert_eq!(elb.code(&unknown).await, "ValidationError");
    let missing = groups.replace("app/shop", "app/other");
    assert_eq!(elb.code(&missing).await, "LoadBalancerNotFound");
}

#[tokio::test]
async fn the_same_load_balancer_twice_is_one_and_another_of_the_name_is_refused() {
    let elb = Elb::start().await;
    let arn = elb.balancer("shop").await;
    assert_eq!(elb.balancer("shop").await, arn);
    for (other, code) in [
        ("Name=shop", "DuplicateLoadBalancerName"),
        ("Name=a_b", "ValidationError"),
        ("Name=net&Type=network", "ValidationError"),
    ] {
        let form = format!("CreateLoadBalancer&{other}&{SUBNETS}");
        assert_eq!(elb.code(&form).await, code, "{other}");
    }
}

#[tokio::test]
async fn load_balancers_are_found_by_name_and_arn_and_listed_in_pages() {
    let elb = Elb::start().await;
    let mut arns = vec![];
    for name in ["a", "b", "c"] {
        arns.push(elb.balancer(name).await);
    }
    let found = elb.ok("DescribeLoadBalancers&Names.member.1=b").await;
    assert_eq!(all(&found, "LoadBalancerName"), ["b"]);
    let found = elb
        .ok(&format!(
            "DescribeLoadBalancers&LoadBalancerArns.member.1={}",
            arns[2]
        ))
        .await;
    assert_eq!(all(&found, "LoadBalancerName"), ["c"]);
    let page = elb.ok("DescribeLoadBalancers&PageSize=2").await;
    assert_eq!(all(&page, "LoadBalancerName"), ["a", "b"]);
    let marker = first(&page, "NextMarker");
    let rest = elb
        .ok(&format!("DescribeLoadBalancers&PageSize=2&Marker={marker}"))
        .await;
    assert_eq!(all(&rest, "LoadBalancerName"), ["c"]);
    let gone = format!("DeleteLoadBalancer&LoadBalancerArn={}", arns[1]);
    elb.ok(&gone).await;
    let again = format!("DescribeLoadBalancers&PageSize=2&Marker={marker}");
    assert_eq!(all(&elb.ok(&again).await, "LoadBalancerName"), ["c"]);
    assert!(!rest.contains("NextMarker"));
    let (code, message) = elb.refused("DescribeLoadBalancers&Names.member.1=x").await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("LoadBalancerNotFound", "Load balancers '[x]' not found")
    );
}

#[tokio::test]
async fn deletion_takes_what_belongs_to_it_and_is_repeatable() {
    let elb = Elb::start().await;
    let balancer = elb.balancer("shop").await;
    let listener = elb.listener(&balancer).await;
    let group = elb.group("api").await;
    let rule = elb.rule(&listener, 1, &group).await;
    let delete = format!("DeleteLoadBalancer&LoadBalancerArn={balancer}");
    let protect = format!(
        "ModifyLoadBalancerAttributes&LoadBalancerArn={balancer}\
         &Attributes.member.1.Key=deletion_protection.enabled&Attributes.member.1.Value="
    );
    elb.ok(&format!("{protect}true")).await;
    assert_eq!(elb.code(&delete).await, "OperationNotPermitted");
    elb.ok(&format!("{protect}false")).await;
    let in_use = format!("DeleteTargetGroup&TargetGroupArn={group}");
    assert_eq!(elb.code(&in_use).await, "ResourceInUse");
    elb.ok(&delete).await;
    elb.ok(&delete).await;
    let listeners = format!("DescribeListeners&ListenerArns.member.1={listener}");
    assert_eq!(elb.code(&listeners).await, "ListenerNotFound");
    assert_eq!(
        elb.code(&format!("DeleteRule&RuleArn={rule}")).await,
        "RuleNotFound"
    );
    elb.ok(&in_use).await;
    elb.ok(&in_use).await;
    assert!(elb.balancing.listener_addresses().is_empty());
}

#[tokio::test]
async fn a_listener_is_one_per_port_and_speaks_http() {
    let elb = Elb::start().await;
    let balancer = elb.balancer("shop").await;
    let listener = elb.listener(&balancer).await;
    assert_eq!(elb.listener(&balancer).await, listener, "the same again");
    let other = format!(
        "CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80\
         &DefaultActions.member.1.Type=fixed-response\
         &DefaultActions.member.1.FixedResponseConfig.StatusCode=503"
    );
    assert_eq!(elb.code(&other).await, "DuplicateListener");
    let raw =
        format!("CreateListener&LoadBalancerArn={balancer}&Port=443&Protocol=TCP&{NOT_FOUND}");
    let (code, message) = elb.refused(&raw).await;
    assert_eq!(code, "ValidationError");
    assert_eq!(
        message,
        "The embedded platform does not offer TCP listeners"
    );
    assert_eq!(elb.code("DescribeListeners").await, "ValidationError");

    let moved = elb
        .ok(&format!("ModifyListener&ListenerArn={listener}&Port=8080"))
        .await;
    assert_eq!(first(&moved, "Port"), "8080");
    assert_eq!(first(&moved, "StatusCode"), "404", "the action stays");
    elb.ok(&format!("DeleteListener&ListenerArn={listener}"))
        .await;
    assert_eq!(
        elb.code(&format!("DeleteListener&ListenerArn={listener}"))
            .await,
        "ListenerNotFound"
    );
}

#[tokio::test]
async fn what_the_platform_does_not_offer_is_refused_and_named() {
    let elb = Elb::start().await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let group = elb.group("api").await;
    let forward = format!("Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={group}");
    let path = "Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=%2F";
    let create = format!("CreateRule&ListenerArn={listener}&Priority=1");
    let refused = [
        (
            format!(
                "{create}&{forward}&Conditions.member.1.Field=path-pattern\
                 &Conditions.member.1.PathPatternConfig.RegexValues.member.1=%5E%2Fapi"
            ),
            "conditions with regular expressions",
        ),
        (
            "CreateTargetGroup&Name=x&Protocol=HTTP&Port=80&TargetType=lambda".to_owned(),
            "target type 'lambda'",
        ),
    ];
    for (form, what) in refused {
        let (code, message) = elb.refused(&form).await;
        assert_eq!(code, "ValidationError");
        assert!(
            message.contains("does not offer") && message.contains(what),
            "{message}"
        );
    }
    let missing = group.replace("/api/", "/gone/");
    assert_eq!(
        elb.code(&rule_form(&listener, 1, &missing)).await,
        "TargetGroupNotFound"
    );
    let two = format!("{create}&{path}&{forward}&Actions.member.2.Type=forward");
    assert_eq!(elb.code(&two).await, "TooManyActions");
}

#[tokio::test]
async fn listener_attributes_are_the_defaults() {
    let elb = Elb::start().await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let asked = format!("DescribeListenerAttributes&ListenerArn={listener}");
    let server = "<Key>routing.http.response.server.enabled</Key><Value>true</Value>";
    assert!(elb.ok(&asked).await.contains(server));
    let modify = |value: &str| {
        format!(
            "ModifyListenerAttributes&ListenerArn={listener}&Attributes.member.1.Value={value}\
             &Attributes.member.1.Key=routing.http.response.server.enabled"
        )
    };
    assert!(elb.ok(&modify("true")).await.contains(server));
    let (code, message) = elb.refused(&modify("false")).await;
    assert_eq!(code, "ValidationError");
    assert!(message.contains("does not offer"), "{message}");
    let gone = asked.replace("/shop/", "/gone/");
    assert_eq!(elb.code(&gone).await, "ListenerNotFound");
}

#[tokio::test]
async fn a_redirect_is_described_with_the_parts_it_keeps() {
    let elb = Elb::start().await;
    let balancer = elb.balancer("shop").await;
    let create = format!(
        "CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&DefaultActions.member.1.Type=redirect\
         &DefaultActions.member.1.RedirectConfig.StatusCode=HTTP_301"
    );
    assert_eq!(
        elb.code(&create).await,
        "ValidationError",
        "it would never end"
    );
    let created = elb
        .ok(&format!(
            "{create}&DefaultActions.member.1.RedirectConfig.Host=new.shop"
        ))
        .await;
    assert_eq!(first(&created, "Host"), "new.shop");
    assert_eq!(first(&created, "Path"), "/#{path}");
    assert_eq!(first(&created, "StatusCode"), "HTTP_301");
}

#[tokio::test]
async fn a_target_group_has_the_defaults_of_aws() {
    let elb = Elb::start().await;
    let created = elb
        .ok(&format!("{NEW_GROUP}&Name=api&VpcId=vpc-local"))
        .await;
    for (element, value) in [
        ("HealthCheckPath", "/"),
        ("HealthCheckPort", "traffic-port"),
        ("HealthCheckIntervalSeconds", "30"),
        ("HealthCheckTimeoutSeconds", "5"),
        ("HealthyThresholdCount", "5"),
        ("UnhealthyThresholdCount", "2"),
        ("HttpCode", "200"),
        ("TargetType", "ip"),
        ("ProtocolVersion", "HTTP1"),
    ] {
        assert_eq!(first(&created, element), value);
    }
    let arn = first(&created, "TargetGroupArn");
    let attributes = elb
        .ok(&format!(
            "DescribeTargetGroupAttributes&TargetGroupArn={arn}"
        ))
        .await;
    let delay = "<Key>deregistration_delay.timeout_seconds</Key><Value>300</Value>";
    assert!(attributes.contains(delay), "{attributes}");

    // An empty version of the protocol is the default.
    let again = format!("{NEW_GROUP}&Name=api&VpcId=vpc-local&ProtocolVersion=");
    let again = elb.ok(&again).await;
    assert_eq!(first(&again, "TargetGroupArn"), arn);
    let other = format!("{NEW_GROUP}&Name=api&VpcId=vpc-local&HealthCheckPath=%2Fready");
    assert_eq!(elb.code(&other).await, "DuplicateTargetGroupName");
    let changed = elb
        .ok(&format!(
            "ModifyTargetGroup&TargetGroupArn={arn}&HealthCheckPath=%2Fready\
             &Matcher.HttpCode=200-299"
        ))
        .await;
    assert_eq!(first(&changed, "HealthCheckPath"), "/ready");
    assert_eq!(first(&changed, "HttpCode"), "200-299");
    assert_eq!(first(&changed, "HealthCheckIntervalSeconds"), "30");
}

#[tokio::test]
async fn target_groups_are_found_by_their_load_balancer() {
    let elb = Elb::start().await;
    let balancer = elb.balancer("shop").await;
    let listener = elb.listener(&balancer).await;
    let (used, unused) = (elb.group("used").await, elb.group("unused").await);
    elb.rule(&listener, 1, &used).await;
    let found = elb
        .ok(&format!("DescribeTargetGroups&LoadBalancerArn={balancer}"))
        .await;
    assert_eq!(all(&found, "TargetGroupName"), ["used"]);
    assert!(
        found.contains(&format!("<member>{balancer}</member>")),
        "{found}"
    );
    let all_groups = elb.ok("DescribeTargetGroups").await;
    assert_eq!(all(&all_groups, "TargetGroupName"), ["unused", "used"]);
    assert!(!elb.balancing.is_in_use(&unused) && elb.balancing.has_target_group(&unused));
}

#[tokio::test]
async fn targets_say_why_they_get_no_requests() {
    let elb = Elb::start().await;
    let group = elb.group("api").await;
    let register = format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id=");
    elb.ok(&format!("{register}127.0.0.1&Targets.member.1.Port=9"))
        .await;
    elb.ok(&format!("{register}127.0.0.1&Targets.member.1.Port=9"))
        .await;
    let health = format!("DescribeTargetHealth&TargetGroupArn={group}");
    let described = elb.ok(&health).await;
    assert_eq!(all(&described, "State"), ["unused"]);
    assert_eq!(first(&described, "Reason"), "Target.NotInUse");
    assert_eq!(
        (first(&described, "Id"), first(&described, "Port")),
        ("127.0.0.1", "9")
    );
    let other = elb
        .ok(&format!("{health}&Targets.member.1.Id=127.0.0.1"))
        .await;
    assert_eq!(first(&other, "Port"), "8000", "the group's port");
    assert_eq!(first(&other, "Reason"), "Target.NotRegistered");

    elb.rule(&elb.listener(&elb.balancer("shop").await).await, 1, &group)
        .await;
    assert_eq!(all(&elb.ok(&health).await, "State"), ["initial"]);

    assert_eq!(
        elb.code(&format!("{register}8.8.8.8")).await,
        "InvalidTarget"
    );
    assert_eq!(
        elb.code(&format!("{register}i-0123")).await,
        "ValidationError"
    );
    let deregister = register.replacen("Register", "Deregister", 1);
    elb.ok(&format!("{deregister}127.0.0.1&Targets.member.1.Port=9"))
        .await;
    elb.ok(&format!("{deregister}127.0.0.1&Targets.member.1.Port=10"))
        .await;
}

#[tokio::test]
async fn tags_are_added_replaced_and_removed_on_everything() {
    let elb = Elb::start().await;
    let balancer = elb.balancer("shop").await;
    let listener = elb.listener(&balancer).await;
    let group = elb.group("api").await;
    let rule = elb.rule(&listener, 1, &group).await;
    let rules = elb
        .ok(&format!("DescribeRules&ListenerArn={listener}"))
        .await;
    let default = all(&rules, "RuleArn")[1].to_owned();
    for arn in [balancer, listener, group, rule, default] {
        let on = format!("ResourceArns.member.1={arn}");
        elb.ok(&format!(
            "AddTags&{on}&Tags.member.1.Key=a&Tags.member.1.Value=1"
        ))
        .await;
        elb.ok(&format!(
            "AddTags&{on}&Tags.member.1.Key=a&Tags.member.1.Value=2\
             &Tags.member.2.Key=b&Tags.member.2.Value=3"
        ))
        .await;
        elb.ok(&format!("RemoveTags&{on}&TagKeys.member.1=b")).await;
        let tags = elb.ok(&format!("DescribeTags&{on}")).await;
        assert_eq!(
            (all(&tags, "Key"), all(&tags, "Value")),
            (vec!["a"], vec!["2"]),
            "{arn}"
        );
        let twice = format!("AddTags&{on}&Tags.member.1.Key=a&Tags.member.2.Key=a");
        assert_eq!(elb.code(&twice).await, "DuplicateTagKeys");
        let reserved = format!("AddTags&{on}&Tags.member.1.Key=aws:a");
        assert_eq!(elb.code(&reserved).await, "ValidationError");
    }
}

#[tokio::test]
async fn a_request_names_as_many_things_as_aws_takes() {
    let elb = Elb::start().await;
    let many = |member: &str, count: usize| {
        let names = (1..=count).map(|number| format!("&{member}.member.{number}=x{number}"));
        names.collect::<String>()
    };
    for (operation, member, things) in [
        ("DescribeTargetGroups", "Names", "target groups"),
        ("DescribeLoadBalancers", "Names", "load balancers"),
        ("DescribeTags", "ResourceArns", "resources"),
    ] {
        let form = format!("{operation}{}", many(member, 21));
        let (code, message) = elb.refused(&form).await;
        let words = format!("You cannot describe more than '20' {things} at a time");
        assert_eq!((code.as_str(), message), ("ValidationError", words));
        let form = format!("{operation}{}", many(member, 20));
        let (_, message) = elb.refused(&form).await;
        assert!(!message.contains("more than"), "{message}");
    }
    let two = format!("AddTags{}&Tags.member.1.Key=a", many("ResourceArns", 2));
    let words = "Only one resource can be tagged at a time";
    assert_eq!(
        elb.refused(&two).await,
        ("ValidationError".into(), words.into())
    );
    let balancer = elb.balancer("shop").await;
    let listener = format!("CreateListener&LoadBalancerArn={balancer}&Port=80&{NOT_FOUND}");
    let words = "A listener protocol must be specified";
    assert_eq!(
        elb.refused(&listener).await,
        ("ValidationError".into(), words.into())
    );
}

#[tokio::test]
async fn a_task_is_shown_by_its_address_through_its_whole_life() {
    let elb = Elb::start().await;
    let group = elb.group("api").await;
    elb.rule(&elb.listener(&elb.balancer("shop").await).await, 1, &group)
        .await;
    let server = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = server.local_addr().unwrap();
    let health = format!("DescribeTargetHealth&TargetGroupArn={group}");
    elb.balancing.register_task(&group, "task-1", address);
    let shown = elb.ok(&health).await;
    assert_eq!(first(&shown, "Id"), "127.0.0.1");
    assert_eq!(first(&shown, "Port"), address.port().to_string());
    assert_eq!(first(&shown, "HealthCheckPort"), address.port().to_string());
    assert_eq!(first(&shown, "State"), "initial");
    assert_eq!(first(&shown, "Reason"), "Elb.RegistrationInProgress");
    // The API can deregister it like any other target.
    elb.ok(&format!(
        "DeregisterTargets&TargetGroupArn={group}&Targets.member.1.Id=127.0.0.1\
         &Targets.member.1.Port={}",
        address.port()
    ))
    .await;
    let gone = format!(
        "{health}&Targets.member.1.Id=127.0.0.1&Targets.member.1.Port={}",
        address.port()
    );
    let states = ["draining", "unused"];
    assert!(states.contains(&first(&elb.ok(&gone).await, "State")));
}
