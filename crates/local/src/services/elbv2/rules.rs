//! Rules of listeners.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use seaway_aws_wire::elbv2 as wire;

use super::error::ElbError;
use super::names::{Kind, rule_arn};
use super::paging::page;
use super::{Elbv2, actions, conditions, listeners, tags};
use crate::balancing::{Documents, Listener, Rule};

/// Rules of one load balancer. AWS begins with 100 and raises it; here every service of a large
/// repository must find a place.
const MOST: usize = 5000;

impl Elbv2 {
    pub(super) fn create_rule(
        &self,
        request: wire::CreateRuleRequest,
    ) -> Result<wire::CreateRuleResponse, ElbError> {
        check_transforms(request.transforms.as_deref())?;
        let rule = new(request)?;
        let rule = self.change(|documents| {
            let listener = listeners::find(documents, &rule.listener)?;
            actions::check_target_groups(documents, &rule.action)?;
            let balancer = listener.load_balancer.clone();
            let siblings: BTreeSet<_> = documents
                .listeners_of(&balancer)
                .map(|listener| listener.arn.as_str())
                .collect();
            let (mut count, mut is_taken) = (0, false);
            for other in documents.rules.values() {
                count += usize::from(siblings.contains(other.listener.as_str()));
                is_taken |= other.listener == rule.listener && other.priority == rule.priority;
            }
            if is_taken {
                return Err(ElbError::PriorityInUse(rule.priority));
            }
            if count >= MOST {
                return Err(ElbError::TooManyRules);
            }
            let rule = Arc::new(rule);
            documents.rules.insert(rule.arn.clone(), Arc::clone(&rule));
            Ok(rule)
        })?;
        Ok(wire::CreateRuleResponse {
            rules: Some(vec![to_wire(&rule)]),
        })
    }

    pub(super) fn describe_rules(
        &self,
        request: wire::DescribeRulesRequest,
    ) -> Result<wire::DescribeRulesResponse, ElbError> {
        let documents = self.balancing.documents();
        let arns = request.rule_arns.filter(|arns| !arns.is_empty());
        // Each with its place in the list.
        let rules: Vec<(String, wire::Rule)> = match (arns, request.listener_arn) {
            (Some(_), Some(_)) => {
                return Err(ElbError::validation(
                    "You cannot specify both a listener ARN and rule ARNs",
                ));
            }
            (Some(arns), None) => arns
                .iter()
                .enumerate()
                .map(|(at, arn)| Ok((format!("{at:05}"), describe(&documents, arn)?)))
                .collect::<Result<_, ElbError>>()?,
            (None, Some(listener)) => {
                let listener = listeners::find(&documents, &listener)?;
                let rules = documents.rules_of(&listener.arn);
                let rules = rules
                    .into_iter()
                    .map(|rule| (format!("{:05}", rule.priority), to_wire(rule)));
                let last = ("default".to_owned(), default_to_wire(listener));
                rules.chain([last]).collect()
            }
            (None, None) => {
                return Err(ElbError::validation(
                    "You must specify either a listener ARN or rule ARNs",
                ));
            }
        };
        let page = page(
            rules,
            |(place, _)| place.clone(),
            request.marker.as_deref(),
            request.page_size,
        )?;
        Ok(wire::DescribeRulesResponse {
            rules: Some(page.items.into_iter().map(|(_, rule)| rule).collect()),
            next_marker: page.next,
        })
    }

    pub(super) fn modify_rule(
        &self,
        request: wire::ModifyRuleRequest,
    ) -> Result<wire::ModifyRuleResponse, ElbError> {
        check_transforms(request.transforms.as_deref())?;
        let conditions = request
            .conditions
            .filter(|conditions| !conditions.is_empty());
        let conditions = conditions.map(conditions::from_wire).transpose()?;
        let action = request.actions.filter(|actions| !actions.is_empty());
        let action = action.map(actions::from_wire).transpose()?;
        let rule = self.change(|documents| {
            let mut rule = Arc::clone(find(documents, &request.rule_arn, "modified")?);
            if let Some(action) = action {
                actions::check_target_groups(documents, &action)?;
                Arc::make_mut(&mut rule).action = action;
            }
            if let Some(conditions) = conditions {
                Arc::make_mut(&mut rule).conditions = conditions;
            }
            documents.rules.insert(rule.arn.clone(), Arc::clone(&rule));
            Ok(rule)
        })?;
        Ok(wire::ModifyRuleResponse {
            rules: Some(vec![to_wire(&rule)]),
        })
    }

    pub(super) fn delete_rule(
        &self,
        request: wire::DeleteRuleRequest,
    ) -> Result<wire::DeleteRuleResponse, ElbError> {
        self.change(|documents| {
            find(documents, &request.rule_arn, "deleted")?;
            documents.rules.remove(&request.rule_arn);
            Ok(wire::DeleteRuleResponse {})
        })
    }

    /// All together or none.
    pub(super) fn set_rule_priorities(
        &self,
        request: wire::SetRulePrioritiesRequest,
    ) -> Result<wire::SetRulePrioritiesResponse, ElbError> {
        let wanted = request
            .rule_priorities
            .into_iter()
            .map(|pair| Ok((pair.rule_arn.unwrap_or_default(), priority(pair.priority)?)))
            .collect::<Result<BTreeMap<_, _>, ElbError>>()?;
        let rules = self.change(|documents| {
            let (mut rules, mut touched) = (Vec::new(), BTreeSet::new());
            for (arn, priority) in wanted {
                let mut rule = Arc::clone(find(documents, &arn, "modified")?);
                Arc::make_mut(&mut rule).priority = priority;
                touched.insert(rule.listener.clone());
                documents.rules.insert(arn, Arc::clone(&rule));
                rules.push(rule);
            }
            for listener in touched {
                let rules = documents.rules_of(&listener);
                if let Some(pair) = rules
                    .windows(2)
                    .find(|pair| pair[0].priority == pair[1].priority)
                {
                    return Err(ElbError::PriorityInUse(pair[0].priority));
                }
            }
            Ok(rules)
        })?;
        let rules = Some(rules.iter().map(|rule| to_wire(rule)).collect());
        Ok(wire::SetRulePrioritiesResponse { rules })
    }
}

/// The rule that a request names for changing; the default rule is part of its listener.
fn find<'a>(documents: &'a Documents, arn: &str, changed: &str) -> Result<&'a Arc<Rule>, ElbError> {
    Kind::Rule.check(arn)?;
    if let Some(rule) = documents.rules.get(arn) {
        return Ok(rule);
    }
    match owner_of_default(documents, arn) {
        Some(_) => Err(ElbError::NotPermitted(format!(
            "Default rule '{arn}' cannot be {changed}"
        ))),
        None => Err(ElbError::RuleNotFound),
    }
}

fn describe(documents: &Documents, arn: &str) -> Result<wire::Rule, ElbError> {
    Kind::Rule.check(arn)?;
    let rule = documents.rules.get(arn).map(|rule| to_wire(rule));
    let default = || owner_of_default(documents, arn).map(|listener| default_to_wire(listener));
    rule.or_else(default).ok_or(ElbError::RuleNotFound)
}

fn owner_of_default<'a>(documents: &'a Documents, arn: &str) -> Option<&'a Arc<Listener>> {
    documents
        .listeners
        .values()
        .find(|listener| listener.default_rule == arn)
}

fn new(request: wire::CreateRuleRequest) -> Result<Rule, ElbError> {
    Kind::Listener.check(&request.listener_arn)?;
    Ok(Rule {
        arn: rule_arn(&request.listener_arn),
        listener: request.listener_arn,
        priority: priority(Some(request.priority))?,
        conditions: conditions::from_wire(request.conditions)?,
        action: actions::from_wire(request.actions)?,
        tags: tags::from_wire(request.tags)?,
    })
}

fn priority(priority: Option<i32>) -> Result<u32, ElbError> {
    let priority = priority.and_then(|priority| u32::try_from(priority).ok());
    priority
        .filter(|priority| (1..=50_000).contains(priority))
        .ok_or_else(|| ElbError::validation("The rule priority must be between 1 and 50000"))
}

fn check_transforms(transforms: Option<&[wire::RuleTransform]>) -> Result<(), ElbError> {
    match transforms {
        None | Some([]) => Ok(()),
        Some(_) => Err(ElbError::not_offered("transforms of rules")),
    }
}

fn to_wire(rule: &Rule) -> wire::Rule {
    wire::Rule {
        actions: Some(vec![actions::to_wire(&rule.action)]),
        conditions: Some(rule.conditions.iter().map(conditions::to_wire).collect()),
        is_default: Some(false),
        priority: Some(rule.priority.to_string()),
        rule_arn: Some(rule.arn.clone()),
        transforms: None,
    }
}

fn default_to_wire(listener: &Listener) -> wire::Rule {
    wire::Rule {
        actions: Some(vec![actions::to_wire(&listener.default)]),
        conditions: Some(vec![]),
        is_default: Some(true),
        priority: Some("default".into()),
        rule_arn: Some(listener.default_rule.clone()),
        transforms: None,
    }
}
