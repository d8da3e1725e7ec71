//! Rules of listeners: their order, their conditions, and how they change.

use super::*;

#[tokio::test]
async fn rules_are_listed_by_priority_with_the_default_last() {
    let elb = Elb::start().await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let group = elb.group("api").await;
    let late = elb.rule(&listener, 20, &group).await;
    let early = elb.rule(&listener, 3, &group).await;
    let rules = elb
        .ok(&format!("DescribeRules&ListenerArn={listener}"))
        .await;
    assert_eq!(all(&rules, "Priority"), ["3", "20", "default"]);
    assert_eq!(all(&rules, "IsDefault"), ["false", "false", "true"]);
    let arns = all(&rules, "RuleArn");
    assert_eq!(arns[..2], [early.as_str(), late.as_str()]);
    assert_eq!(all(&rules, "PathPatternConfig").len(), 2);
    assert_eq!(
        elb.code(&rule_form(&listener, 3, &group)).await,
        "PriorityInUse"
    );
    let page = elb
        .ok(&format!("DescribeRules&ListenerArn={listener}&PageSize=2"))
        .await;
    assert_eq!(all(&page, "Priority"), ["3", "20"]);
    let marker = first(&page, "NextMarker");
    elb.ok(&format!("DeleteRule&RuleArn={late}")).await;
    let rest = format!("DescribeRules&ListenerArn={listener}&PageSize=2&Marker={marker}");
    assert_eq!(all(&elb.ok(&rest).await, "Priority"), ["default"]);

    let default = format!("DeleteRule&RuleArn={}", arns[2]);
    assert_eq!(elb.code(&default).await, "OperationNotPermitted");
}

#[tokio::test]
async fn priorities_change_together_or_not_at_all() {
    let elb = Elb::start().await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let group = elb.group("api").await;
    let (a, b) = (
        elb.rule(&listener, 1, &group).await,
        elb.rule(&listener, 2, &group).await,
    );
    let swap = |first: u32, second: u32| {
        format!(
            "SetRulePriorities&RulePriorities.member.1.RuleArn={a}\
             &RulePriorities.member.1.Priority={first}\
             &RulePriorities.member.2.RuleArn={b}&RulePriorities.member.2.Priority={second}"
        )
    };
    assert_eq!(elb.code(&swap(7, 7)).await, "PriorityInUse");
    elb.ok(&swap(2, 1)).await;
    let rules = elb
        .ok(&format!("DescribeRules&ListenerArn={listener}"))
        .await;
    assert_eq!(all(&rules, "RuleArn")[..2], [b.as_str(), a.as_str()]);
}

#[tokio::test]
async fn a_rule_is_changed_in_the_part_that_is_given() {
    let elb = Elb::start().await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let (old, new) = (elb.group("old").await, elb.group("new").await);
    let rule = elb.rule(&listener, 1, &old).await;
    let changed = elb
        .ok(&format!(
            "ModifyRule&RuleArn={rule}&Actions.member.1.Type=forward\
             &Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn={old}\
             &Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=9\
             &Actions.member.1.ForwardConfig.TargetGroups.member.2.TargetGroupArn={new}\
             &Actions.member.1.ForwardConfig.TargetGroups.member.2.Weight=1"
        ))
        .await;
    assert_eq!(all(&changed, "Weight"), ["9", "1"]);
    assert!(changed.contains("/api/*"), "the conditions stay: {changed}");
    assert!(elb.balancing.is_in_use(&new));
}

/// A rule with one condition, named `#` in the form.
fn conditional(listener: &str, priority: u32, condition: &str) -> String {
    let condition = condition.replace('#', "Conditions.member.1.");
    format!(
        "CreateRule&ListenerArn={listener}&Priority={priority}&{condition}\
         &Actions.member.1.Type=fixed-response\
         &Actions.member.1.FixedResponseConfig.StatusCode=200"
    )
}

#[tokio::test]
async fn every_kind_of_condition_is_read_back() {
    let elb = Elb::start().await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let conditions = [
        "#Field=http-request-method&#HttpRequestMethodConfig.Values.member.1=PURGE",
        "#Field=query-string&#QueryStringConfig.Values.member.1.Key=version\
         &#QueryStringConfig.Values.member.1.Value=v2*",
        "#Field=http-header&#HttpHeaderConfig.HttpHeaderName=X-Group\
         &#HttpHeaderConfig.Values.member.1=beta%3F",
        "#Field=source-ip&#SourceIpConfig.Values.member.1=10.0.0.0%2F8",
    ];
    for (priority, condition) in (1..).zip(conditions) {
        elb.ok(&conditional(&listener, priority, condition)).await;
    }
    let described = elb
        .ok(&format!("DescribeRules&ListenerArn={listener}"))
        .await;
    for text in [
        "<HttpRequestMethodConfig><Values><member>PURGE</member></Values>",
        "<Key>version</Key><Value>v2*</Value>",
        "<HttpHeaderName>X-Group</HttpHeaderName>",
        "<member>beta?</member>",
        "<SourceIpConfig><Values><member>10.0.0.0/8</member></Values>",
    ] {
        assert!(described.contains(text), "no {text} in {described}");
    }
    let wrong = [
        "#Field=http-request-method&#HttpRequestMethodConfig.Values.member.1=get",
        "#Field=query-string",
        "#Field=http-header&#HttpHeaderConfig.HttpHeaderName=Host\
         &#HttpHeaderConfig.Values.member.1=x",
        "#Field=http-header&#HttpHeaderConfig.Values.member.1=x",
        "#Field=source-ip&#SourceIpConfig.Values.member.1=10.0.0.1",
        "#Field=moon-phase&#Values.member.1=full",
    ];
    for condition in wrong {
        let code = elb.code(&conditional(&listener, 9, condition)).await;
        assert_eq!(code, "ValidationError", "{condition}");
    }
}
