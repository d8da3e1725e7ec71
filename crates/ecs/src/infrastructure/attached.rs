//! Which target groups live services get their requests from.

use std::collections::BTreeSet;

use aws_sdk_ecs::types as sdk;
use seaway_core::observed::Observed;
use seaway_ports::{PortError, PortErrorKind};

use crate::connect::Session;
use crate::services::is_active;

/// ARNs of target groups that must not go.
pub(super) type Attached = BTreeSet<String>;

impl Session {
    /// The target groups of all live services of the cluster.
    ///
    /// # Errors
    /// `Unavailable` when a service could not be read: nothing is removed on a guess.
    pub(super) async fn attached(&self) -> Result<Attached, PortError> {
        let names = self.service_names().await?;
        let mut attached = Attached::new();
        for (name, service) in self.describe(&names).await {
            match service {
                Observed::Known(service) => attached.extend(target_groups(&service)),
                Observed::Absent => {}
                Observed::Unknown(reason) => {
                    let what = format!("see which target groups {name} uses");
                    return Err(PortError::new(PortErrorKind::Unavailable, what, reason));
                }
            }
        }
        Ok(attached)
    }
}

fn target_groups(service: &sdk::Service) -> impl Iterator<Item = String> {
    let balancers = service.load_balancers().iter();
    let live = balancers.filter(|_| is_active(service));
    live.filter_map(|balancer| Some(balancer.target_group_arn()?.to_owned()))
}
