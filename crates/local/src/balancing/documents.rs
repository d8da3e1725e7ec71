//! What the ELB API has declared, as it is on record.
//!
//! Records are shared (`Arc`): a change copies the maps and only the records it touches, and what
//! is still the same allocation afterwards is known to be unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::EpochMillis;
use crate::store::{Document, StoreError, Tx, View};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Everything declared, by ARN.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    pub load_balancers: BTreeMap<String, Arc<LoadBalancer>>,
    pub listeners: BTreeMap<String, Arc<Listener>>,
    pub rules: BTreeMap<String, Arc<Rule>>,
    pub target_groups: BTreeMap<String, Arc<TargetGroup>>,
}

/// From where a load balancer can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    InternetFacing,
    Internal,
}

impl Scheme {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InternetFacing => "internet-facing",
            Self::Internal => "internal",
        }
    }
}

/// The kinds of addresses that a load balancer says it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressType {
    #[default]
    Ipv4,
    Dualstack,
    DualstackWithoutPublicIpv4,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub scheme: Scheme,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    /// Recorded only: it is reached as the machine is.
    #[serde(default)]
    pub address_type: AddressType,
    pub created_at: EpochMillis,
    /// Attributes that were set; the others have their defaults.
    pub attributes: BTreeMap<String, String>,
    pub tags: Tags,
}

/// A listener of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub arn: String,
    pub load_balancer: String,
    /// As the API says it; where it really listens is another matter.
    pub port: u16,
    /// With it, the listener speaks HTTPS.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    pub default: Action,
    /// The ARN of the rule that stands for the default action.
    pub default_rule: String,
    pub tags: Tags,
    pub default_rule_tags: Tags,
}

/// What was said about a listener's TLS. Which certificate it shows is another matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerTls {
    pub certificate: String,
    pub policy: String,
}

/// A rule of a listener, other than the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub arn: String,
    pub listener: String,
    pub priority: u32,
    pub conditions: Vec<Condition>,
    pub action: Action,
    pub tags: Tags,
}

/// A condition: it holds when any of its values matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    Path(Vec<String>),
    Host(Vec<String>),
    Method(Vec<String>),
    Query(Vec<QueryPair>),
    Header {
        name: String,
        values: Vec<String>,
    },
    /// Ranges of addresses.
    Source(Vec<String>),
}

/// A parameter of a query; without a key, any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryPair {
    pub key: Option<String>,
    pub value: String,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Forward(Forward),
    Redirect(Redirect),
    FixedResponse(FixedResponse),
}

/// Groups that requests are forwarded to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredForward")]
pub struct Forward {
    pub targets: Vec<ForwardTarget>,
    pub stickiness: GroupStickiness,
}

/// Whether clients stay in the group that answered them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStickiness {
    pub enabled: bool,
    /// 1 to 604,800; always there when enabled.
    pub seconds: Option<u32>,
}

/// A [`Forward`] on record: the targets alone, before there was stickiness.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredForward {
    Targets(Vec<ForwardTarget>),
    Whole {
        targets: Vec<ForwardTarget>,
        stickiness: GroupStickiness,
    },
}

impl From<StoredForward> for Forward {
    fn from(stored: StoredForward) -> Self {
        match stored {
            StoredForward::Targets(targets) => Self::by_weight(targets),
            StoredForward::Whole {
                targets,
                stickiness,
            } => Self {
                targets,
                stickiness,
            },
        }
    }
}

impl Forward {
    /// Without stickiness.
    #[must_use]
    pub fn by_weight(targets: Vec<ForwardTarget>) -> Self {
        Self {
            targets,
            stickiness: GroupStickiness::default(),
        }
    }
}

/// A target group and its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardTarget {
    pub target_group: String,
    /// 0 to 999.
    pub weight: u32,
}

/// Where a client is sent; an absent part keeps what the request had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    pub protocol: Option<String>,
    pub host: Option<String>,
    pub port: Option<String>,
    pub path: Option<String>,
    pub query: Option<String>,
    /// 301, else 302.
    pub permanent: bool,
}

/// An answer of the load balancer's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedResponse {
    /// 200 to 599.
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Option<String>,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    /// For targets registered without one.
    pub port: u16,
    pub vpc: Option<String>,
    pub health_check: HealthCheck,
    /// Attributes that were set; the others have their defaults.
    pub attributes: BTreeMap<String, String>,
    pub tags: Tags,
    /// Targets registered through the API.
    pub targets: BTreeSet<SocketAddr>,
}

/// How the targets of a group are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    pub enabled: bool,
    pub path: String,
    /// Another port than the target's own.
    pub port: Option<u16>,
    /// Status codes that pass, as ELB writes them.
    pub codes: String,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
}

impl Default for HealthCheck {
    /// The defaults of Elastic Load Balancing for HTTP.
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/".into(),
            port: None,
            codes: "200".into(),
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        }
    }
}

impl Document for LoadBalancer {
    const KIND: &'static str = "load-balancer";
}

impl Document for Listener {
    const KIND: &'static str = "listener";
}

impl Document for Rule {
    const KIND: &'static str = "listener-rule";
}

impl Document for TargetGroup {
    const KIND: &'static str = "target-group";
}

impl Documents {
    /// Everything on record.
    pub(super) fn load(view: &View<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            load_balancers: all(view)?,
            listeners: all(view)?,
            rules: all(view)?,
            target_groups: all(view)?,
        })
    }

    /// Writes what is different from `before`.
    pub(super) fn save(&self, tx: &Tx<'_>, before: &Self) -> Result<(), StoreError> {
        save(tx, &before.load_balancers, &self.load_balancers)?;
        save(tx, &before.listeners, &self.listeners)?;
        save(tx, &before.rules, &self.rules)?;
        save(tx, &before.target_groups, &self.target_groups)
    }

    /// The rules of a listener, by priority.
    #[must_use]
    pub fn rules_of(&self, listener: &str) -> Vec<&Arc<Rule>> {
        let mut rules: Vec<_> = self
            .rules
            .values()
            .filter(|rule| rule.listener == listener)
            .collect();
        rules.sort_by_key(|rule| rule.priority);
        rules
    }

    /// The listeners of a load balancer.
    pub fn listeners_of(&self, load_balancer: &str) -> impl Iterator<Item = &Arc<Listener>> {
        self.listeners
            .values()
            .filter(move |listener| listener.load_balancer == load_balancer)
    }

    /// The load balancers whose listeners or rules refer to a target group.
    #[must_use]
    pub fn users_of(&self, target_group: &str) -> BTreeSet<&str> {
        let uses = |action: &Action| action.target_groups().any(|arn| arn == target_group);
        let defaults = self
            .listeners
            .values()
            .filter(|listener| uses(&listener.default));
        let rules = self.rules.values().filter(|rule| uses(&rule.action));
        let owners = rules.filter_map(|rule| self.listeners.get(&rule.listener));
        defaults
            .chain(owners)
            .map(|listener| listener.load_balancer.as_str())
            .collect()
    }
}

impl Action {
    /// The target groups it refers to.
    pub fn target_groups(&self) -> impl Iterator<Item = &str> {
        let targets = match self {
            Self::Forward(forward) => forward.targets.as_slice(),
            Self::Redirect(_) | Self::FixedResponse(_) => &[],
        };
        targets.iter().map(|target| target.target_group.as_str())
    }
}

fn all<D: Document>(view: &View<'_>) -> Result<BTreeMap<String, Arc<D>>, StoreError> {
    let found = view.list::<D>("")?;
    Ok(found
        .into_iter()
        .map(|(key, document)| (key, Arc::new(document)))
        .collect())
}

fn save<D: Document>(
    tx: &Tx<'_>,
    before: &BTreeMap<String, Arc<D>>,
    after: &BTreeMap<String, Arc<D>>,
) -> Result<(), StoreError> {
    for (key, document) in after {
        if !before
            .get(key)
            .is_some_and(|known| Arc::ptr_eq(known, document))
        {
            tx.put(key, &**document)?;
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        tx.remove::<D>(key)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_before_there_was_stickiness_is_read() {
        let before = r#"{"Forward":[{"target_group":"api","weight":3}]}"#;
        let action: Action = serde_json::from_str(before).unwrap();
        let targets = vec![ForwardTarget {
            target_group: "api".into(),
            weight: 3,
        }];
        assert_eq!(action, Action::Forward(Forward::by_weight(targets)));
        let text = serde_json::to_string(&action).unwrap();
        assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), action);
    }
}
