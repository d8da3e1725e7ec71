//! Services named on the command line.

use std::collections::BTreeSet;

use seaway_core::environment::Environment;
use seaway_core::name::ServiceName;

use crate::failure::{Exit, Failure};

/// The named services, which the environment must have; none: all.
pub(crate) fn services(
    environment: &Environment,
    named: &[String],
) -> Result<Option<BTreeSet<ServiceName>>, Failure> {
    if named.is_empty() {
        return Ok(None);
    }
    named
        .iter()
        .map(|name| service(environment, name))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// One service of the environment.
pub(crate) fn service(environment: &Environment, name: &str) -> Result<ServiceName, Failure> {
    match environment.services.get_key_value(name) {
        Some((service, _)) => Ok(service.clone()),
        None => {
            let known: Vec<&str> = environment
                .services
                .keys()
                .map(ServiceName::as_str)
                .collect();
            Err(Failure::new(
                Exit::Usage,
                format!("{} has no service {name:?}", environment.name),
                &[&format!("its services: {}", known.join(", "))],
            ))
        }
    }
}
