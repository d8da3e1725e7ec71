//! `seaway status`.

use std::process::ExitCode;

use clap::Args;
use seaway_ports::{Clock as _, ServiceStatus};
use seaway_report::StatusRow;

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

impl Status {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        let connected = context.connect().await?;
        show(&context, &connected, output).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes the status.
pub(crate) async fn show(
    context: &Context,
    connected: &Connected,
    output: Output,
) -> Result<(), Failure> {
    let services = connected.ports.rollouts.status().await?;
    let addresses = addresses(&context.state).await?;
    match output.format {
        Format::Json => {
            output.json(&serde_json::json!({ "services": services, "addresses": addresses }));
        }
        Format::Text => {
            let rows: Vec<StatusRow> = services
                .iter()
                .map(|service| row(context, service, &addresses))
                .collect();
            let style = output.data_style();
            output.data(&seaway_report::status(&rows, SystemClock.now(), style));
        }
    }
    Ok(())
}

fn row(context: &Context, service: &ServiceStatus, addresses: &[Address]) -> StatusRow {
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
        url: url(context, service, addresses),
        last_event: service
            .last_event
            .as_ref()
            .map(|event| (event.at, event.message.clone())),
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
    let public = addresses.iter().find(|address| address.is_public())?;
    Some(format!(
        "{}{}",
        public.url,
        route.path.trim_end_matches('*')
    ))
}
