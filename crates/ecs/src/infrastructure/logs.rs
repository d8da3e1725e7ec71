//! Log groups. One that is no longer named is kept: it holds what was written.

use std::collections::BTreeMap;

use seaway_ports::{PortError, PortErrorKind};

use crate::connect::Session;
use crate::document::LogGroup;
use crate::error::During as _;

impl Session {
    pub(super) async fn provision_log_groups(
        &self,
        wanted: &[LogGroup],
        changed: &mut Vec<String>,
    ) -> Result<(), PortError> {
        let live = self.retentions().await?;
        for group in wanted {
            let name = &group.log_group_name;
            let days = group.retention_in_days;
            match live.get(name) {
                Some(Some(kept)) if *kept == days => continue,
                Some(_) => {}
                None => self.create_log_group(name).await?,
            }
            self.logs
                .put_retention_policy()
                .log_group_name(name)
                .retention_in_days(days)
                .send()
                .await
                .during(format!("set the retention of the log group {name}"))?;
            changed.push(format!("log group {name}"));
        }
        Ok(())
    }

    /// The environment's log groups and how many days each keeps.
    async fn retentions(&self) -> Result<BTreeMap<String, Option<i32>>, PortError> {
        let groups = self.log_groups().await?;
        let named = |group: aws_sdk_cloudwatchlogs::types::LogGroup| {
            Some((group.log_group_name?, group.retention_in_days))
        };
        Ok(groups.into_iter().filter_map(named).collect())
    }

    async fn create_log_group(&self, name: &str) -> Result<(), PortError> {
        let created = self
            .logs
            .create_log_group()
            .log_group_name(name)
            .send()
            .await
            .during(format!("create the log group {name}"));
        match created {
            // Somebody was faster, or an earlier attempt got through.
            Err(error) if error.kind != PortErrorKind::Conflict => Err(error),
            _ => Ok(()),
        }
    }
}
