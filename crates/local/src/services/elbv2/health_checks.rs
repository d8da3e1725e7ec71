//! How the targets of a group are checked: what a request asks for, on top of what there is.

use seaway_aws_wire::elbv2 as wire;
use seaway_router::Matcher;

use super::error::ElbError;
use crate::balancing::HealthCheck;

const TRAFFIC_PORT: &str = "traffic-port";

/// The settings of a health check in a request; what is absent stays as it is.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) enabled: Option<bool>,
    pub(super) protocol: Option<wire::ProtocolEnum>,
    pub(super) path: Option<String>,
    pub(super) port: Option<String>,
    pub(super) matcher: Option<wire::Matcher>,
    pub(super) interval_seconds: Option<i32>,
    pub(super) timeout_seconds: Option<i32>,
    pub(super) healthy_threshold: Option<i32>,
    pub(super) unhealthy_threshold: Option<i32>,
}

impl Wanted {
    /// The health check after the request.
    pub(super) fn on(self, check: HealthCheck) -> Result<HealthCheck, ElbError> {
        if self.enabled == Some(false) {
            return Err(ElbError::validation(
                "Health check enabled must be true for target groups with target type 'ip'",
            ));
        }
        if let Some(other) = self
            .protocol
            .filter(|other| *other != wire::ProtocolEnum::Http)
        {
            return Err(ElbError::not_offered(format_args!("{other} health checks")));
        }
        let check = HealthCheck {
            enabled: true,
            path: self.path.unwrap_or(check.path),
            port: self.port.map_or(Ok(check.port), |text| port(&text))?,
            codes: self.matcher.map_or(Ok(check.codes), codes)?,
            interval_seconds: whole(self.interval_seconds, check.interval_seconds),
            timeout_seconds: whole(self.timeout_seconds, check.timeout_seconds),
            healthy_threshold: whole(self.healthy_threshold, check.healthy_threshold),
            unhealthy_threshold: whole(self.unhealthy_threshold, check.unhealthy_threshold),
        };
        if !check.path.starts_with('/') || !check.path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ElbError::Validation(format!(
                "Health check path '{}' must begin with a '/' character, and can only contain \
                 printable ASCII characters, without spaces",
                check.path
            )));
        }
        if check.timeout_seconds >= check.interval_seconds {
            return Err(ElbError::validation(
                "Health check interval must be greater than the timeout.",
            ));
        }
        Ok(check)
    }
}

/// Adds a health check to the description of its group.
pub(super) fn describe(check: &HealthCheck, group: wire::TargetGroup) -> wire::TargetGroup {
    let int = |number: u32| i32::try_from(number).ok();
    wire::TargetGroup {
        health_check_enabled: Some(check.enabled),
        health_check_interval_seconds: int(check.interval_seconds),
        health_check_path: Some(check.path.clone()),
        health_check_port: Some(
            check
                .port
                .map_or(TRAFFIC_PORT.into(), |port| port.to_string()),
        ),
        health_check_protocol: Some(wire::ProtocolEnum::Http),
        health_check_timeout_seconds: int(check.timeout_seconds),
        healthy_threshold_count: int(check.healthy_threshold),
        matcher: Some(wire::Matcher {
            http_code: Some(check.codes.clone()),
            grpc_code: None,
        }),
        unhealthy_threshold_count: int(check.unhealthy_threshold),
        ..group
    }
}

fn port(text: &str) -> Result<Option<u16>, ElbError> {
    if text == TRAFFIC_PORT {
        return Ok(None);
    }
    let port = text.parse().ok().filter(|port| *port > 0);
    port.map(Some).ok_or_else(|| {
        ElbError::Validation(format!(
            "Health check port '{text}' must be '{TRAFFIC_PORT}' or between 1 and 65535"
        ))
    })
}

fn codes(matcher: wire::Matcher) -> Result<String, ElbError> {
    if matcher.grpc_code.is_some() {
        return Err(ElbError::not_offered("gRPC health checks"));
    }
    let codes = matcher.http_code.unwrap_or_else(|| "200".into());
    codes.parse::<Matcher>().map_err(|error| {
        ElbError::Validation(format!(
            "Health check matcher HTTP code '{codes}' is not valid: {error}"
        ))
    })?;
    Ok(codes)
}

/// Invariant: requests are validated before, so a given number is not negative.
fn whole(given: Option<i32>, present: u32) -> u32 {
    given
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(present)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(wanted: Wanted) -> String {
        wanted.on(HealthCheck::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_absent_stays() {
        let before = HealthCheck {
            path: "/health".into(),
            port: Some(1),
            ..HealthCheck::default()
        };
        let wanted = Wanted {
            interval_seconds: Some(10),
            ..Wanted::default()
        };
        let after = wanted.on(before.clone()).unwrap();
        assert_eq!(
            after,
            HealthCheck {
                interval_seconds: 10,
                ..before
            }
        );
    }

    #[test]
    fn contradictions_and_nonsense_are_refused() {
        let interval = Wanted {
            interval_seconds: Some(5),
            ..Wanted::default()
        };
        assert!(refused(interval).contains("greater than the timeout"));
        let path = Wanted {
            path: Some("health".into()),
            ..Wanted::default()
        };
        assert!(refused(path).contains("must begin with"));
        let port = Wanted {
            port: Some("http".into()),
            ..Wanted::default()
        };
        assert!(refused(port).contains("traffic-port"));
        let matcher = wire::Matcher {
            http_code: Some("2xx".into()),
            grpc_code: None,
        };
        let codes = Wanted {
            matcher: Some(matcher),
            ..Wanted::default()
        };
        assert!(refused(codes).contains("2xx"));
    }
}
