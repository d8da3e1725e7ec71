//! What Terraform owns elsewhere, made on this machine through the same AWS APIs.
//!
//! Everything is looked up first, created where it is missing and changed where it differs, so that
//! a provision that was cut off is simply repeated. The digest of the document is written last: as
//! long as it is not there, the next plan provisions again.
//!
//! What the document no longer names goes, except where a live service still gets requests
//! through it: a service stays until it is pruned, and its route with it.

mod attached;
mod balancers;
mod logs;
mod removal;
mod rules;
mod target_groups;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as elb;
use seaway_core::desired::Document;
use seaway_ports::{Infrastructure, PortError};

use crate::connect::Session;
use crate::document::{self, Infrastructure as Wanted};
use crate::error::{During as _, incomplete};
use crate::names::EnvironmentIdentity;
use crate::tags;
use crate::target::LocalTarget;

/// Makes and changes the infrastructure of an environment on the embedded platform. It cannot be
/// pointed at AWS: it takes a [`LocalTarget`], whose endpoint has to be a loopback address.
#[derive(Debug)]
pub struct LocalInfrastructure {
    session: Session,
}

impl LocalInfrastructure {
    /// Connects to the embedded platform.
    ///
    /// # Errors
    /// `Denied` when the endpoint is not loopback or is another platform's, `Unavailable` when it
    /// does not answer.
    pub async fn connect(
        target: &LocalTarget,
        identity: &EnvironmentIdentity,
    ) -> Result<Self, PortError> {
        let session = Session::local(target, identity).await?;
        Ok(Self { session })
    }
}

#[async_trait]
impl Infrastructure for LocalInfrastructure {
    async fn provision(&self, document: &Document) -> Result<Vec<String>, PortError> {
        let wanted: Wanted = document::read("infrastructure", document)?;
        let session = &self.session;
        let mut changed = vec![];
        let cluster = session
            .provision_cluster(&wanted.cluster_name, &mut changed)
            .await?;
        session
            .provision_log_groups(&wanted.log_groups, &mut changed)
            .await?;
        let groups = session
            .provision_target_groups(&wanted.target_groups, &mut changed)
            .await?;
        let attached = session.attached().await?;
        for balancer in &wanted.load_balancers {
            let listener = session.provision_balancer(balancer, &mut changed).await?;
            session
                .provision_rules(&listener, balancer, (&groups, &attached), &mut changed)
                .await?;
        }
        session
            .remove_unused_target_groups(&wanted.target_groups, &attached, &mut changed)
            .await?;
        session.mark_cluster(&cluster, document).await?;
        Ok(changed)
    }
}

impl Session {
    /// The ARN of the cluster, which is created where it is missing.
    async fn provision_cluster(
        &self,
        name: &str,
        changed: &mut Vec<String>,
    ) -> Result<String, PortError> {
        let what = format!("create the cluster {name}");
        if let Some(cluster) = self.cluster().await?
            && let Some(arn) = cluster.cluster_arn()
        {
            return Ok(arn.to_owned());
        }
        let answer = self
            .ecs
            .create_cluster()
            .cluster_name(name)
            .tags(tags::tag(tags::PROJECT, self.identity.project.as_str()))
            .tags(tags::tag(
                tags::ENVIRONMENT,
                self.identity.environment.as_str(),
            ))
            .send()
            .await
            .during(&what)?;
        changed.push(format!("cluster {name}"));
        let arn = answer.cluster().and_then(|cluster| cluster.cluster_arn());
        arn.map(str::to_owned)
            .ok_or_else(|| incomplete(what, "ARN"))
    }

    async fn mark_cluster(&self, arn: &str, document: &Document) -> Result<(), PortError> {
        self.ecs
            .tag_resource()
            .resource_arn(arn)
            .tags(tags::tag(tags::INFRASTRUCTURE, document.digest.as_str()))
            .send()
            .await
            .during("tag the cluster")?;
        Ok(())
    }

    /// The tags by which load balancers and target groups are known as this environment's.
    fn balancing_tags(&self) -> Vec<elb::Tag> {
        let tag = |key, value| elb::Tag::builder().key(key).value(value).build();
        vec![
            tag(tags::PROJECT, self.identity.project.as_str()),
            tag(tags::ENVIRONMENT, self.identity.environment.as_str()),
        ]
    }
}
