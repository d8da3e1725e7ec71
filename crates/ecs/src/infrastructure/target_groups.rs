//! Target groups: one for each service with a port.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as sdk;
use seaway_ports::{PortError, PortErrorKind};

use super::attached::Attached;
use crate::connect::Session;
use crate::document::TargetGroup;
use crate::error::{During as _, incomplete};
use crate::parallel;
use crate::tags;

/// The attribute that holds how long a leaving target may finish requests.
const DRAIN: &str = "deregistration_delay.timeout_seconds";
/// `DescribeTags` takes at most this many ARNs.
const TAGGED_AT_ONCE: usize = 20;

/// ARNs by name.
pub(super) type Groups = BTreeMap<String, String>;

impl Session {
    pub(super) async fn provision_target_groups(
        &self,
        wanted: &[TargetGroup],
        changed: &mut Vec<String>,
    ) -> Result<Groups, PortError> {
        let live = self.live_target_groups().await?;
        let groups = wanted.iter();
        let calls = groups.map(|group| self.provision_target_group(group, &live));
        let done = parallel::all(calls.collect()).await;
        let mut arns = Groups::new();
        for (group, done) in wanted.iter().zip(done) {
            let (arn, outcome) = done?;
            if outcome == Outcome::Changed {
                changed.push(format!("target group {}", group.name));
            }
            arns.insert(group.name.clone(), arn);
        }
        Ok(arns)
    }

    async fn provision_target_group(
        &self,
        wanted: &TargetGroup,
        live: &BTreeMap<String, sdk::TargetGroup>,
    ) -> Result<(String, Outcome), PortError> {
        let live = live.get(&wanted.name);
        let (arn, group) = match live.and_then(|live| live.target_group_arn()) {
            Some(arn) => (arn.to_owned(), Outcome::Same),
            None => (self.create_target_group(wanted).await?, Outcome::Changed),
        };
        let drain = self.provision_drain(&arn, wanted).await?;
        Ok((arn, group.max(drain)))
    }

    /// All target groups of the platform by name; another environment's are among them.
    pub(crate) async fn live_target_groups(
        &self,
    ) -> Result<BTreeMap<String, sdk::TargetGroup>, PortError> {
        let groups = self
            .balancing
            .describe_target_groups()
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .during("list the target groups")?;
        let named = |group: sdk::TargetGroup| Some((group.target_group_name()?.to_owned(), group));
        Ok(groups.into_iter().filter_map(named).collect())
    }

    /// The port is the default of targets that name none; tasks name theirs, so a group need not be
    /// replaced for it. Its check is the platform's default until the service is created.
    async fn create_target_group(&self, wanted: &TargetGroup) -> Result<String, PortError> {
        let what = format!("create the target group {}", wanted.name);
        let answer = self
            .balancing
            .create_target_group()
            .name(&wanted.name)
            .target_type(sdk::TargetTypeEnum::Ip)
            .protocol(sdk::ProtocolEnum::Http)
            .port(wanted.port)
            .vpc_id("vpc-local")
            .set_tags(Some(self.balancing_tags()))
            .send()
            .await
            .during(&what)?;
        let created = answer.target_groups().first();
        let arn = created.and_then(|group| group.target_group_arn());
        arn.map(str::to_owned)
            .ok_or_else(|| incomplete(what, "ARN"))
    }

    async fn provision_drain(&self, arn: &str, wanted: &TargetGroup) -> Result<Outcome, PortError> {
        let drain = wanted.deregistration_delay_seconds.to_string();
        let answer = self
            .balancing
            .describe_target_group_attributes()
            .target_group_arn(arn)
            .send()
            .await
            .during(format!("read the attributes of {}", wanted.name))?;
        let is_same = |attribute: &sdk::TargetGroupAttribute| {
            attribute.key() == Some(DRAIN) && attribute.value() == Some(&drain)
        };
        if answer.attributes().iter().any(is_same) {
            return Ok(Outcome::Same);
        }
        let attribute = sdk::TargetGroupAttribute::builder()
            .key(DRAIN)
            .value(&drain);
        self.balancing
            .modify_target_group_attributes()
            .target_group_arn(arn)
            .attributes(attribute.build())
            .send()
            .await
            .during(format!("change the attributes of {}", wanted.name))?;
        Ok(Outcome::Changed)
    }

    /// Removes target groups of this environment that the document no longer names. One that a
    /// rule or a service still uses stays until a later provision.
    pub(super) async fn remove_unused_target_groups(
        &self,
        wanted: &[TargetGroup],
        attached: &Attached,
        changed: &mut Vec<String>,
    ) -> Result<(), PortError> {
        let named: BTreeSet<&str> = wanted.iter().map(|group| group.name.as_str()).collect();
        let live = self.live_target_groups().await?;
        let unnamed: Groups = live
            .into_iter()
            .filter(|(name, group)| {
                !named.contains(name.as_str()) && group.load_balancer_arns().is_empty()
            })
            .filter_map(|(name, group)| Some((name, group.target_group_arn?)))
            .filter(|(_, arn)| !attached.contains(arn))
            .collect();
        for (name, arn) in self.own(unnamed).await? {
            if self.has_targets(&name, &arn).await? {
                continue;
            }
            let removed = self
                .balancing
                .delete_target_group()
                .target_group_arn(&arn)
                .send()
                .await
                .during(format!("remove the target group {name}"));
            match removed {
                Ok(_) => changed.push(format!("target group {name} (removed)")),
                Err(error) if error.kind == PortErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Those that carry this environment's tags.
    async fn own(&self, groups: Groups) -> Result<Groups, PortError> {
        let arns: Vec<String> = groups.values().cloned().collect();
        let mut own = BTreeSet::new();
        for chunk in arns.chunks(TAGGED_AT_ONCE) {
            let answer = self
                .balancing
                .describe_tags()
                .set_resource_arns(Some(chunk.to_vec()))
                .send()
                .await
                .during("read the tags of target groups")?;
            for described in answer.tag_descriptions() {
                if self.is_own(described.tags()) {
                    own.extend(described.resource_arn().map(str::to_owned));
                }
            }
        }
        Ok(groups
            .into_iter()
            .filter(|(_, arn)| own.contains(arn))
            .collect())
    }

    fn is_own(&self, tags: &[sdk::Tag]) -> bool {
        let has = |key: &str, value: &str| {
            tags.iter()
                .any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
        };
        has(tags::PROJECT, self.identity.project.as_str())
            && has(tags::ENVIRONMENT, self.identity.environment.as_str())
    }

    pub(super) async fn has_targets(&self, name: &str, arn: &str) -> Result<bool, PortError> {
        let answer = self
            .balancing
            .describe_target_health()
            .target_group_arn(arn)
            .send()
            .await
            .during(format!("look for targets of {name}"))?;
        Ok(!answer.target_health_descriptions().is_empty())
    }
}

/// Whether something had to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Same,
    Changed,
}
