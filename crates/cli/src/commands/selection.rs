//! Services named on the command line.

use std::collections::BTreeSet;

use seaway_core::environment::Environment;
use seaway_core::name::ServiceName;

use crate::context::Context;
use crate::failure::{Exit, Failure};

/// The named services of the manifest; none: all.
pub(crate) fn services(
    environment: &Environment,
    named: &[String],
) -> Result<Option<BTreeSet<ServiceName>>, Failure> {
    let known = environment.services.keys().cloned().collect();
    let service = |name: &String| one_of(&known, environment, name);
    Ok(optional(
        named.iter().map(service).collect::<Result<_, _>>()?,
    ))
}

/// One service that the manifest names or that runs without it.
pub(crate) async fn running_service(context: &Context, name: &str) -> Result<ServiceName, Failure> {
    // What the manifest names needs no look at anything else.
    if let Some((service, _)) = context.environment.services.get_key_value(name) {
        return Ok(service.clone());
    }
    one_of(&known(context).await?, &context.environment, name)
}

/// The same for several; none: all.
pub(crate) async fn running_services(
    context: &Context,
    named: &[String],
) -> Result<Option<BTreeSet<ServiceName>>, Failure> {
    let mut services = BTreeSet::new();
    for name in named {
        services.insert(running_service(context, name).await?);
    }
    Ok(optional(services))
}

/// Services of the manifest, of the record, and of the platform where it runs: one that left the
/// manifest runs until it is pruned.
async fn known(context: &Context) -> Result<BTreeSet<ServiceName>, Failure> {
    let environment = &context.environment;
    let mut known: BTreeSet<ServiceName> = environment.services.keys().cloned().collect();
    let recorded = context.recorded().await?;
    known.extend(
        recorded
            .into_iter()
            .flat_map(|after| after.services.into_keys()),
    );
    if let Some(connected) = context.find().await? {
        let live = connected.ports.rollouts.status().await?;
        known.extend(live.into_iter().map(|service| service.name));
    }
    Ok(known)
}

fn one_of(
    known: &BTreeSet<ServiceName>,
    environment: &Environment,
    name: &str,
) -> Result<ServiceName, Failure> {
    known.get(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(ServiceName::as_str).collect();
        Failure::new(
            Exit::Usage,
            format!("{} has no service {name:?}", environment.name),
            &[&format!("its services: {}", names.join(", "))],
        )
    })
}

fn optional(services: BTreeSet<ServiceName>) -> Option<BTreeSet<ServiceName>> {
    Some(services).filter(|services| !services.is_empty())
}
