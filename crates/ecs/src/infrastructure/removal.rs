//! What belonged to one service goes after it.

use std::time::Duration;

use seaway_core::name::ServiceName;
use seaway_ports::{PortError, PortErrorKind};

use crate::connect::Session;
use crate::error::During as _;

/// How often, and how long from one look to the next, the last targets are waited for.
const LOOKS: u32 = 50;
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Session {
    /// Removes the rules that lead to a service, and its target group once its tasks have left it.
    /// A group whose tasks take long to leave is left to the next provision.
    pub(crate) async fn remove_route(&self, service: &ServiceName) -> Result<(), PortError> {
        let group = self.identity.target_group(service);
        let live = self.live_target_groups().await?;
        let arn = live.get(&group).and_then(|group| group.target_group_arn());
        let Some(arn) = arn else {
            return Ok(());
        };
        for balancer in [
            self.identity.public_load_balancer(),
            self.identity.internal_load_balancer(),
        ] {
            self.remove_rules_to(arn, &balancer).await?;
        }
        for _ in 0..LOOKS {
            match self.has_targets(&group, arn).await {
                Ok(false) => return self.remove_target_group(&group, arn).await,
                Ok(true) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) if error.kind == PortErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn remove_rules_to(&self, group: &str, balancer: &str) -> Result<(), PortError> {
        let Some(arn) = self.find_balancer(balancer).await? else {
            return Ok(());
        };
        let answer = self
            .balancing
            .describe_listeners()
            .load_balancer_arn(arn)
            .send()
            .await
            .during(format!("list the listeners of {balancer}"))?;
        let listeners = answer.listeners().iter();
        for listener in listeners.filter_map(|listener| listener.listener_arn()) {
            self.remove_rules(listener, group, balancer).await?;
        }
        Ok(())
    }

    async fn remove_target_group(&self, name: &str, arn: &str) -> Result<(), PortError> {
        let removed = self
            .balancing
            .delete_target_group()
            .target_group_arn(arn)
            .send()
            .await
            .during(format!("remove the target group {name}"));
        let left = [PortErrorKind::Conflict, PortErrorKind::NotFound];
        match removed {
            Err(error) if !left.contains(&error.kind) => Err(error),
            _ => Ok(()),
        }
    }
}
