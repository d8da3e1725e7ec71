//! The wish for a fault, and what has become of it.

use std::time::Duration;

use seaway_aws_wire::{Operation, Service};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::kind::{FaultKind, Scope};

/// Stands for every operation.
const ANY: &str = "*";
/// No fault has a longer time than a day.
const LONGEST: u64 = 24 * 60 * 60;

/// A fault, and what it is to happen to: the body of `POST faults`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    pub fault: FaultKind,
    /// `NAME` or `CLUSTER/NAME`; a name alone means the services of this name in all clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `ecs:UpdateService`, `ecs:*` or `*`. Services are named as in signatures, or as the `aws`
    /// command names them (`elbv2`, `cloudwatch`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The fault's own length of time, in seconds; see [`FaultKind::about`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// How many tasks or calls it happens to, before it is over; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// For how long it can happen, in seconds; until it is taken back when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// Its number on this platform.
    pub id: u64,
    #[serde(flatten)]
    pub injection: Injection,
    /// How many tasks or calls it has happened to.
    pub struck: u64,
    /// It was put in force when there was no such service: it waits for one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_service: bool,
}

/// Why there cannot be such a fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InjectionError {
    #[error("{0} happens to a service: name one")]
    NeedsService(FaultKind),
    #[error("{0} happens to operations: name one, such as ecs:UpdateService, ecs:* or *")]
    NeedsOperation(FaultKind),
    #[error("there is no operation `{0}`; examples: ecs:UpdateService, ecs:*, *")]
    UnknownOperation(String),
    #[error("`{0}` is no name of a service; write NAME or CLUSTER/NAME")]
    BadService(String),
    #[error("{0} has no length of time")]
    NoTime(FaultKind),
    #[error("{0} seconds are too long; a day at most ({LONGEST})")]
    TooLong(u64),
    #[error("{0} happens to the tasks that are there, not to a number of them")]
    NotCounted(FaultKind),
    #[error("a fault that happens to nothing is none: give a number above 0")]
    Nothing,
    #[error("there are {0} faults already; take one back first")]
    TooMany(usize),
}

impl Injection {
    /// Whether it makes sense.
    pub(super) fn check(&self) -> Result<(), InjectionError> {
        match (self.fault.scope(), &self.service, &self.operation) {
            (Scope::Calls, None, Some(operation)) => check_operation(operation)?,
            (Scope::Calls, _, _) => return Err(InjectionError::NeedsOperation(self.fault)),
            (_, Some(service), None) => check_service(service)?,
            (_, _, _) => return Err(InjectionError::NeedsService(self.fault)),
        }
        if self.seconds.is_some() && self.fault.usual_time().is_none() {
            return Err(InjectionError::NoTime(self.fault));
        }
        let times = [self.seconds, self.for_seconds];
        if let Some(long) = times.into_iter().flatten().find(|time| *time > LONGEST) {
            return Err(InjectionError::TooLong(long));
        }
        if self.times.is_some() && self.fault.scope() == Scope::Targets {
            return Err(InjectionError::NotCounted(self.fault));
        }
        if self.times == Some(0) || self.for_seconds == Some(0) {
            return Err(InjectionError::Nothing);
        }
        Ok(())
    }

    /// The fault's own length of time.
    pub(super) fn time(&self) -> Duration {
        let given = self.seconds.map(Duration::from_secs);
        given.or(self.fault.usual_time()).unwrap_or_default()
    }

    pub(crate) fn is_about_service(&self, cluster: &str, name: &str) -> bool {
        let Some(service) = &self.service else {
            return false;
        };
        match service.split_once('/') {
            Some((own_cluster, own_name)) => (own_cluster, own_name) == (cluster, name),
            None => service == name,
        }
    }

    pub(super) fn is_about_call(&self, operation: Operation) -> bool {
        let Some(asked) = &self.operation else {
            return false;
        };
        match asked.split_once(':') {
            Some((service, name)) => {
                service_named(service) == Some(operation.service())
                    && (name == ANY || name == operation.name())
            }
            None => asked == ANY,
        }
    }
}

fn check_operation(asked: &str) -> Result<(), InjectionError> {
    let unknown = || InjectionError::UnknownOperation(asked.to_owned());
    if asked == ANY {
        return Ok(());
    }
    let (service, name) = asked.split_once(':').ok_or_else(unknown)?;
    let service = service_named(service).ok_or_else(unknown)?;
    let known = name == ANY || Operation::from_name(service, name).is_some();
    if known { Ok(()) } else { Err(unknown()) }
}

/// The AWS service of this name: that of signatures, or that of the `aws` command.
fn service_named(name: &str) -> Option<Service> {
    match name {
        "elbv2" => Some(Service::Elbv2),
        "cloudwatch" => Some(Service::CloudWatch),
        _ => {
            let mut services = Service::ALL.iter().copied();
            services.find(|service| service.signing_name() == name)
        }
    }
}

fn check_service(name: &str) -> Result<(), InjectionError> {
    let parts: Vec<&str> = name.split('/').collect();
    let is_name = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    if parts.len() <= 2 && parts.iter().all(is_name) {
        Ok(())
    } else {
        Err(InjectionError::BadService(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use seaway_aws_wire::{ecs, elbv2};

    use super::*;

    fn of_service(fault: FaultKind, service: &str) -> Injection {
        Injection {
            fault,
            service: Some(service.to_owned()),
            operation: None,
            seconds: None,
            times: None,
            for_seconds: None,
        }
    }

    fn of_call(operation: &str) -> Injection {
        Injection {
            service: None,
            operation: Some(operation.to_owned()),
            ..of_service(FaultKind::Throttling, "")
        }
    }

    #[test]
    fn a_service_is_meant_in_one_cluster_or_in_all() {
        let everywhere = of_service(FaultKind::OutOfMemory, "api");
        assert!(everywhere.is_about_service("shop", "api"));
        assert!(!everywhere.is_about_service("shop", "api2"));
        let here = of_service(FaultKind::OutOfMemory, "shop/api");
        assert!(here.is_about_service("shop", "api"));
        assert!(!here.is_about_service("other", "api"));
    }

    #[test]
    fn operations_are_meant_by_name_by_service_or_all() {
        let update = Operation::Ecs(ecs::Operation::UpdateService);
        for (asked, meant) in [
            ("*", true),
            ("ecs:*", true),
            ("ecs:UpdateService", true),
            ("ecs:CreateService", false),
            ("logs:*", false),
        ] {
            let injection = of_call(asked);
            assert_eq!(injection.check(), Ok(()), "{asked}");
            assert_eq!(injection.is_about_call(update), meant, "{asked}");
        }
    }

    #[test]
    fn services_have_two_names() {
        let create = Operation::Elbv2(elbv2::Operation::CreateRule);
        for asked in [
            "elasticloadbalancing:CreateRule",
            "elbv2:CreateRule",
            "elbv2:*",
        ] {
            let injection = of_call(asked);
            assert_eq!(injection.check(), Ok(()), "{asked}");
            assert!(injection.is_about_call(create), "{asked}");
        }
        assert!(!of_call("elbv2:DeleteRule").is_about_call(create));
        assert_eq!(of_call("cloudwatch:PutMetricData").check(), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        use InjectionError as E;
        let fault = FaultKind::OutOfMemory;
        for (injection, error) in [
            (
                of_call("ecs:Nonsense"),
                E::UnknownOperation("ecs:Nonsense".into()),
            ),
            (of_call("s3:*"), E::UnknownOperation("s3:*".into())),
            (
                Injection {
                    operation: None,
                    ..of_call("*")
                },
                E::NeedsOperation(FaultKind::Throttling),
            ),
            (
                Injection {
                    service: None,
                    ..of_service(fault, "api")
                },
                E::NeedsService(fault),
            ),
            (of_service(fault, "a/b/c"), E::BadService("a/b/c".into())),
            (
                Injection {
                    seconds: Some(1),
                    ..of_service(fault, "api")
                },
                E::NoTime(fault),
            ),
            (
                Injection {
                    times: Some(0),
                    ..of_service(fault, "api")
                },
                E::Nothing,
            ),
            (
                Injection {
                    for_seconds: Some(LONGEST + 1),
                    ..of_service(fault, "api")
                },
                E::TooLong(LONGEST + 1),
            ),
            (
                Injection {
                    times: Some(1),
                    ..of_service(FaultKind::NetworkCut, "api")
                },
                E::NotCounted(FaultKind::NetworkCut),
            ),
        ] {
            assert_eq!(injection.check(), Err(error));
        }
    }
}
