//! Rules of a listener: compared as a whole, then changed without a gap in which a route is gone.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use seaway_ports::{PortError, PortErrorKind};

use super::attached::Attached;
use super::target_groups::Groups;
use crate::connect::Session;
use crate::document::{LoadBalancer, Rule, Specificity, specificity};
use crate::error::During as _;

/// Priorities are moved here before they are put in order, because no two rules may share one.
/// Elastic Load Balancing allows 1 to 50,000.
const ASIDE: i32 = 40_000;

/// A rule as it is, or as it should be: what it matches, where it leads, how early it is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    host: Option<String>,
    path: Option<String>,
    target_group: String,
}

/// A rule of the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Live {
    arn: String,
    priority: i32,
    route: Route,
}

/// What makes the live rules the wanted ones.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    /// New rules with the priority each gets first.
    create: Vec<(i32, Route)>,
    /// ARNs of rules that are no longer wanted.
    remove: Vec<String>,
    /// Final priorities, if any differs.
    reorder: Vec<(Route, i32)>,
}

impl Session {
    pub(super) async fn provision_rules(
        &self,
        listener: &str,
        balancer: &LoadBalancer,
        (groups, attached): (&Groups, &Attached),
        changed: &mut Vec<String>,
    ) -> Result<(), PortError> {
        let name = &balancer.name;
        let live = self.live_rules(listener, name).await?;
        let kept = kept(&live, groups, attached);
        let wanted = together(wanted(&balancer.rules, groups)?, kept);
        let changes = changes(&live, &wanted);
        if changes == Changes::default() {
            return Ok(());
        }
        for (priority, route) in &changes.create {
            self.create_rule(listener, *priority, route, name).await?;
        }
        for arn in &changes.remove {
            self.remove_rule(arn, name).await?;
        }
        if !changes.reorder.is_empty() {
            let live = self.live_rules(listener, name).await?;
            self.reorder(&live, &changes.reorder, name).await?;
        }
        changed.push(format!("rules of {name}"));
        Ok(())
    }

    /// Removes the rules of a listener that lead to a target group.
    pub(super) async fn remove_rules(
        &self,
        listener: &str,
        target_group: &str,
        name: &str,
    ) -> Result<(), PortError> {
        let live = self.live_rules(listener, name).await?;
        let to_it = live
            .iter()
            .filter(|rule| rule.route.target_group == target_group);
        for rule in to_it {
            self.remove_rule(&rule.arn, name).await?;
        }
        Ok(())
    }

    async fn live_rules(&self, listener: &str, name: &str) -> Result<Vec<Live>, PortError> {
        let rules = self
            .balancing
            .describe_rules()
            .listener_arn(listener)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .during(format!("list the rules of {name}"))?;
        Ok(rules.iter().filter_map(observed).collect())
    }

    async fn create_rule(
        &self,
        listener: &str,
        priority: i32,
        route: &Route,
        name: &str,
    ) -> Result<(), PortError> {
        let forward = sdk::Action::builder()
            .r#type(sdk::ActionTypeEnum::Forward)
            .target_group_arn(&route.target_group)
            .build();
        self.balancing
            .create_rule()
            .listener_arn(listener)
            .priority(priority)
            .set_conditions(Some(conditions(route)))
            .actions(forward)
            .set_tags(Some(self.balancing_tags()))
            .send()
            .await
            .during(format!("create a rule of {name}"))?;
        Ok(())
    }

    async fn remove_rule(&self, arn: &str, name: &str) -> Result<(), PortError> {
        let removed = self
            .balancing
            .delete_rule()
            .rule_arn(arn)
            .send()
            .await
            .during(format!("remove a rule of {name}"));
        match removed {
            Err(error) if error.kind != PortErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// All priorities in one call: the platform takes them together or not at all.
    async fn reorder(
        &self,
        live: &[Live],
        order: &[(Route, i32)],
        name: &str,
    ) -> Result<(), PortError> {
        let pair = |(route, priority): &(Route, i32)| {
            let rule = live.iter().find(|rule| rule.route == *route)?;
            let pair = sdk::RulePriorityPair::builder()
                .rule_arn(&rule.arn)
                .priority(*priority);
            Some(pair.build())
        };
        self.balancing
            .set_rule_priorities()
            .set_rule_priorities(Some(order.iter().filter_map(pair).collect()))
            .send()
            .await
            .during(format!("order the rules of {name}"))?;
        Ok(())
    }
}

/// Compares rules by what they match and where they lead. A new rule is made before an old one
/// goes, so a route that moves to another service is never without a target.
fn changes(live: &[Live], wanted: &[(i32, Route)]) -> Changes {
    let live_routes: BTreeSet<&Route> = live.iter().map(|rule| &rule.route).collect();
    let wanted_routes: BTreeSet<&Route> = wanted.iter().map(|(_, route)| route).collect();
    let taken: BTreeSet<i32> = live.iter().map(|rule| rule.priority).collect();
    let mut aside = (ASIDE..).filter(|priority| !taken.contains(priority));
    let mut create = vec![];
    let mut in_place = true;
    for (priority, route) in wanted {
        if live_routes.contains(route) {
            let as_wanted = |rule: &Live| rule.route == *route && rule.priority == *priority;
            in_place &= live.iter().any(as_wanted);
        } else if taken.contains(priority) {
            create.extend(aside.next().map(|first| (first, route.clone())));
            in_place = false;
        } else {
            create.push((*priority, route.clone()));
        }
    }
    let unwanted = |rule: &&Live| !wanted_routes.contains(&rule.route);
    let order = || {
        wanted
            .iter()
            .map(|(priority, route)| (route.clone(), *priority))
    };
    Changes {
        create,
        remove: live
            .iter()
            .filter(unwanted)
            .map(|r| r.arn.clone())
            .collect(),
        reorder: if in_place { vec![] } else { order().collect() },
    }
}

fn wanted(rules: &[Rule], groups: &Groups) -> Result<Vec<(i32, Route)>, PortError> {
    let route = |rule: &Rule| {
        let name = &rule.target_group_name;
        let group = groups.get(name).ok_or_else(|| {
            let what = format!("lead a route to the target group {name}");
            crate::error::invalid(what, "the infrastructure document has no such group")
        })?;
        let route = Route {
            host: rule.host.clone(),
            path: rule.path.clone(),
            target_group: group.clone(),
        };
        Ok((rule.priority, route))
    };
    rules.iter().map(route).collect()
}

/// Routes of services that the document does not name and that are still live.
fn kept(live: &[Live], groups: &Groups, attached: &Attached) -> Vec<Route> {
    let is_named = |route: &Route| groups.values().any(|arn| *arn == route.target_group);
    let routes = live.iter().map(|rule| &rule.route);
    let kept = routes.filter(|r| attached.contains(&r.target_group) && !is_named(r));
    kept.cloned().collect()
}

/// The wanted rules and those that are kept, each of these where it would stand if it were wanted.
/// A route that is wanted for another service is not kept.
fn together(mut wanted: Vec<(i32, Route)>, kept: Vec<Route>) -> Vec<(i32, Route)> {
    for route in kept {
        let same = |other: &Route| (&other.host, &other.path) == (&route.host, &route.path);
        if wanted.iter().any(|(_, other)| same(other)) {
            continue;
        }
        let later = |(_, other): &(i32, Route)| other.specificity() > route.specificity();
        let position = wanted.iter().position(later).unwrap_or(wanted.len());
        wanted.insert(position, (0, route));
        for (priority, rule) in (1..).zip(&mut wanted) {
            rule.0 = priority;
        }
    }
    wanted
}

impl Route {
    fn specificity(&self) -> Specificity<'_> {
        let path = self.path.as_deref().unwrap_or_default();
        specificity(self.host.as_deref(), path)
    }
}

/// A rule in comparable form; none for the default rule and those in a form Seaway never writes.
fn observed(rule: &sdk::Rule) -> Option<Live> {
    let forward = rule.actions().first()?;
    Some(Live {
        arn: rule.rule_arn()?.to_owned(),
        priority: rule.priority()?.parse().ok()?,
        route: Route {
            host: condition(rule, "host-header"),
            path: condition(rule, "path-pattern"),
            target_group: target_group(forward)?.to_owned(),
        },
    })
}

fn target_group(action: &sdk::Action) -> Option<&str> {
    let weighted = || {
        action
            .forward_config()?
            .target_groups()
            .first()?
            .target_group_arn()
    };
    action.target_group_arn().or_else(weighted)
}

fn condition(rule: &sdk::Rule, field: &str) -> Option<String> {
    let condition = rule
        .conditions()
        .iter()
        .find(|c| c.field() == Some(field))?;
    let configured = match field {
        "host-header" => condition.host_header_config().map(|config| config.values()),
        _ => condition
            .path_pattern_config()
            .map(|config| config.values()),
    };
    let plain = || condition.values().first();
    let value = configured.and_then(<[String]>::first).or_else(plain)?;
    Some(value.clone())
}

fn conditions(route: &Route) -> Vec<sdk::RuleCondition> {
    let host = route.host.as_ref().map(|host| {
        let config = sdk::HostHeaderConditionConfig::builder()
            .values(host)
            .build();
        sdk::RuleCondition::builder()
            .field("host-header")
            .host_header_config(config)
            .build()
    });
    let path = route.path.as_ref().map(|path| {
        let config = sdk::PathPatternConditionConfig::builder()
            .values(path)
            .build();
        sdk::RuleCondition::builder()
            .field("path-pattern")
            .path_pattern_config(config)
            .build()
    });
    host.into_iter().chain(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str, target_group: &str) -> Route {
        Route {
            host: None,
            path: Some(path.into()),
            target_group: target_group.into(),
        }
    }

    fn live(priority: i32, path: &str, target_group: &str) -> Live {
        Live {
            arn: format!("arn:{path}:{target_group}"),
            priority,
            route: route(path, target_group),
        }
    }

    #[test]
    fn the_same_rules_change_nothing() {
        let live = [live(1, "/api/*", "api"), live(2, "/*", "web")];
        let wanted = [(1, route("/api/*", "api")), (2, route("/*", "web"))];
        assert_eq!(changes(&live, &wanted), Changes::default());
    }

    #[test]
    fn a_rule_that_comes_between_is_put_aside_and_then_in_order() {
        let live = [live(1, "/api/*", "api"), live(2, "/*", "web")];
        let wanted = [
            (1, route("/api/*", "api")),
            (2, route("/a/*", "a")),
            (3, route("/*", "web")),
        ];
        let changes = changes(&live, &wanted);
        assert_eq!(changes.create, [(ASIDE, route("/a/*", "a"))]);
        assert_eq!(changes.remove, [""; 0]);
        let priorities: Vec<i32> = changes.reorder.iter().map(|(_, p)| *p).collect();
        assert_eq!(priorities, [1, 2, 3]);
    }

    #[test]
    fn a_route_that_moves_is_made_anew_before_the_old_one_goes() {
        let live = [live(1, "/*", "web")];
        let wanted = [(1, route("/*", "next"))];
        let changes = changes(&live, &wanted);
        assert_eq!(changes.create, [(ASIDE, route("/*", "next"))]);
        assert_eq!(changes.remove, ["arn:/*:web"]);
        assert_eq!(changes.reorder, [(route("/*", "next"), 1)]);
    }

    fn groups(arns: &[&str]) -> Groups {
        arns.iter()
            .map(|arn| (arn.to_string(), arn.to_string()))
            .collect()
    }

    #[test]
    fn a_live_service_that_is_no_longer_named_keeps_its_route_in_its_place() {
        let live = [
            live(1, "/api/*", "api"),
            live(2, "/b/*", "b"),
            live(3, "/*", "web"),
        ];
        let attached = ["api", "web", "b"].map(str::to_owned).into();
        let named = groups(&["web", "b"]);
        let kept = kept(&live, &named, &attached);
        assert_eq!(kept, [route("/api/*", "api")]);
        let wanted = vec![(1, route("/b/*", "b")), (2, route("/*", "web"))];
        let wanted = together(wanted, kept);
        assert_eq!(
            wanted,
            [
                (1, route("/api/*", "api")),
                (2, route("/b/*", "b")),
                (3, route("/*", "web")),
            ]
        );
        assert_eq!(changes(&live, &wanted), Changes::default());
    }

    #[test]
    fn an_old_route_of_a_named_service_and_one_that_moves_are_not_kept() {
        let live = [live(1, "/old/*", "web"), live(2, "/*", "gone")];
        let attached = ["web", "gone"].map(str::to_owned).into();
        let kept = kept(&live, &groups(&["web"]), &attached);
        assert_eq!(kept, [route("/*", "gone")]);
        let wanted = together(vec![(1, route("/*", "web"))], kept);
        assert_eq!(wanted, [(1, route("/*", "web"))]);
    }

    #[test]
    fn a_rule_of_a_service_that_is_gone_goes() {
        let live = [live(1, "/api/*", "api")];
        assert_eq!(kept(&live, &Groups::new(), &Attached::new()), []);
    }

    #[test]
    fn a_rule_at_the_end_needs_no_new_order() {
        let live = [live(1, "/api/*", "api")];
        let wanted = [(1, route("/api/*", "api")), (2, route("/*", "web"))];
        let changes = changes(&live, &wanted);
        assert_eq!(changes.create, [(2, route("/*", "web"))]);
        assert!(changes.reorder.is_empty());
    }

    #[test]
    fn a_rule_reads_back_as_it_was_written() {
        let written = Route {
            host: Some("catalog.shop.internal".into()),
            ..route("/v1/*", "tg")
        };
        let action = sdk::Action::builder()
            .r#type(sdk::ActionTypeEnum::Forward)
            .target_group_arn(&written.target_group)
            .build();
        let answer = sdk::Rule::builder()
            .rule_arn("arn")
            .priority("7")
            .set_conditions(Some(conditions(&written)))
            .actions(action)
            .build();
        let read = observed(&answer).expect("a rule of Seaway's form");
        assert_eq!((read.priority, read.route), (7, written));
        let default = sdk::Rule::builder().rule_arn("arn").priority("default");
        assert_eq!(observed(&default.build()), None);
    }
}
