//! `seaway status`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use seaway_core::desired::RevisionId;
use seaway_core::digest::ImageRef;
use seaway_core::name::ServiceName;
use seaway_core::release::Deployed;
use seaway_ports::{Clock as _, ServiceStatus};
use seaway_report::{StatusRow, StoppedRow};
use serde::Serialize;

use super::local::{Address, addresses};
use crate::args::{Format, Global};
use crate::context::{Connected, Context};
use crate::failure::Failure;
use crate::output::Output;
use crate::system_clock::SystemClock;

/// Show what runs in an environment, in one screen
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The environment
    environment: String,
}

/// What runs in an environment.
#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    running: bool,
    services: Vec<ServiceStatus>,
    addresses: Vec<Address>,
    /// Where public services are reached.
    urls: BTreeMap<ServiceName, String>,
    /// What a platform that does not run would run, by the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Vec<Recorded>>,
}

/// A service that does not run.
#[derive(Debug, Serialize)]
struct Recorded {
    name: ServiceName,
    revision: RevisionId,
    image: ImageRef,
}

impl Status {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let seen = match context.find().await? {
            Some(connected) => see(&context, &connected).await?,
            None => stopped(&context).await?,
        };
        match output.format {
            Format::Json => output.json(&seen),
            Format::Text => output.data(&seen.shown(output)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Looks at what runs.
pub(crate) async fn see(context: &Context, connected: &Connected) -> Result<Seen, Failure> {
    let services = connected.ports.rollouts.status().await?;
    let addresses = addresses(&context.state).await?;
    let url = |service: &ServiceStatus| {
        let url = url(context, service, &addresses)?;
        Some((service.name.clone(), url))
    };
    Ok(Seen {
        running: true,
        urls: services.iter().filter_map(url).collect(),
        services,
        addresses,
        recorded: None,
    })
}

/// The same where no platform runs.
async fn stopped(context: &Context) -> Result<Seen, Failure> {
    let recorded = context.recorded().await?;
    let deployed = recorded
        .into_iter()
        .flat_map(|after| after.services.into_values());
    Ok(Seen {
        running: false,
        services: vec![],
        addresses: vec![],
        urls: BTreeMap::new(),
        recorded: Some(deployed.map(Recorded::from).collect()),
    })
}

impl From<Deployed> for Recorded {
    fn from(deployed: Deployed) -> Self {
        Self {
            name: deployed.service.name,
            revision: deployed.revision,
            image: deployed.service.image,
        }
    }
}

impl Seen {
    /// One screen.
    pub(crate) fn shown(&self, output: Output) -> String {
        if let Some(recorded) = &self.recorded {
            let rows: Vec<StoppedRow> = recorded.iter().map(Recorded::row).collect();
            return seaway_report::stopped(&rows, output.data_style());
        }
        let rows: Vec<StatusRow> = self.services.iter().map(|one| self.row(one)).collect();
        seaway_report::status(&rows, SystemClock.now(), output.data_style())
    }

    fn row(&self, service: &ServiceStatus) -> StatusRow {
        let newest = service.rollouts.first();
        let unfinished = newest.filter(|(_, state, _)| state != "COMPLETED");
        StatusRow {
            service: service.name.to_string(),
            revision: service.revision.short().to_owned(),
            image: service
                .image
                .as_ref()
                .map(|image| image.digest.short().to_owned()),
            version: None,
            desired: service.counts.desired,
            running: service.counts.running,
            pending: service.counts.pending,
            failed: service.counts.failed,
            health: service.targets,
            rollout: newest
                .map(|(_, state, _)| state.to_lowercase())
                .unwrap_or_default(),
            reason: unfinished.and_then(|(_, _, reason)| reason.clone()),
            url: self.urls.get(&service.name).cloned(),
            last_event: service
                .last_event
                .as_ref()
                .map(|event| (event.at, event.message.clone())),
        }
    }
}

impl Recorded {
    fn row(&self) -> StoppedRow {
        StoppedRow {
            service: self.name.to_string(),
            revision: self.revision.short().to_owned(),
            image: self.image.digest.short().to_owned(),
        }
    }
}

/// Where a public service is reached.
fn url(context: &Context, service: &ServiceStatus, addresses: &[Address]) -> Option<String> {
    let route = context
        .environment
        .services
        .get(&service.name)?
        .route
        .as_ref()?;
    let own = context.identity().public_load_balancer();
    at(&own, addresses, &route.path)
}

/// Where a path of a load balancer is.
fn at(balancer: &str, addresses: &[Address], path: &str) -> Option<String> {
    let mut own = addresses
        .iter()
        .filter(|address| address.load_balancer == balancer);
    Some(format!("{}{}", own.next()?.url, path.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_reached_at_its_own_load_balancer() {
        let address = |name: &str, port: u16| Address {
            load_balancer: name.into(),
            scheme: "internet-facing".into(),
            port: 80,
            url: format!("http://127.0.0.1:{port}"),
        };
        let addresses = [address("another", 1), address("shop-local-public", 2)];
        let url = at("shop-local-public", &addresses, "/api/*");
        assert_eq!(url.as_deref(), Some("http://127.0.0.1:2/api/"));
        assert_eq!(at("shop-test-public", &addresses, "/"), None);
    }
}
