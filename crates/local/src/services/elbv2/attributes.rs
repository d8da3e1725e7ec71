//! Attributes of load balancers and target groups: which there are, their defaults, and what is
//! taken.

use std::collections::BTreeMap;

use super::error::ElbError;

const DELETION_PROTECTION: &str = "deletion_protection.enabled";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const LEAST_OUTSTANDING: &str = "least_outstanding_requests";
const SLOW_START: &str = "slow_start.duration_seconds";

/// The attributes of a kind of thing.
pub(super) struct Attributes {
    what: &'static str,
    known: &'static [(&'static str, &'static str, Takes)],
}

/// Which values an attribute takes.
#[derive(Clone, Copy)]
enum Takes {
    Flag,
    /// A whole number from the first to the second.
    Number(u32, u32),
    OneOf(&'static [&'static str]),
    /// Those of AWS's values that this platform has.
    Offered(&'static [&'static str]),
    /// Nought for off, or a whole number from the first to the second.
    OffOr(u32, u32),
    Text,
    /// The default: everything else asks for what this platform lacks.
    Only,
}

pub(super) const LOAD_BALANCER: Attributes = Attributes {
    what: "Load balancer",
    known: &[
        ("access_logs.s3.enabled", "false", Takes::Only),
        ("access_logs.s3.bucket", "", Takes::Text),
        ("access_logs.s3.prefix", "", Takes::Text),
        (
            "client_keep_alive.seconds",
            "3600",
            Takes::Number(60, 604_800),
        ),
        ("connection_logs.s3.enabled", "false", Takes::Only),
        ("connection_logs.s3.bucket", "", Takes::Text),
        ("connection_logs.s3.prefix", "", Takes::Text),
        (DELETION_PROTECTION, "false", Takes::Flag),
        ("health_check_logs.s3.enabled", "false", Takes::Only),
        ("health_check_logs.s3.bucket", "", Takes::Text),
        ("health_check_logs.s3.prefix", "", Takes::Text),
        ("idle_timeout.timeout_seconds", "60", Takes::Number(1, 4000)),
        ("load_balancing.cross_zone.enabled", "true", Takes::Flag),
        (
            "routing.http.desync_mitigation_mode",
            "defensive",
            Takes::OneOf(&["monitor", "defensive", "strictest"]),
        ),
        (
            "routing.http.drop_invalid_header_fields.enabled",
            "false",
            Takes::Flag,
        ),
        (
            "routing.http.preserve_host_header.enabled",
            "false",
            Takes::Flag,
        ),
        (
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
            "false",
            Takes::Flag,
        ),
        ("routing.http.xff_client_port.enabled", "false", Takes::Flag),
        (
            "routing.http.xff_header_processing.mode",
            "append",
            Takes::OneOf(&["append", "preserve", "remove"]),
        ),
        ("routing.http2.enabled", "true", Takes::Flag),
        ("waf.fail_open.enabled", "false", Takes::Flag),
        ("zonal_shift.config.enabled", "false", Takes::Flag),
    ],
};

/// Of listeners for HTTP. The router adds no headers to answers, so there are the defaults alone.
pub(super) const LISTENER: Attributes = Attributes {
    what: "Listener",
    known: &[
        (
            "routing.http.response.access_control_allow_credentials.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.access_control_allow_headers.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.access_control_allow_methods.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.access_control_allow_origin.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.access_control_expose_headers.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.access_control_max_age.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.content_security_policy.header_value",
            "",
            Takes::Only,
        ),
        ("routing.http.response.server.enabled", "true", Takes::Only),
        (
            "routing.http.response.strict_transport_security.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.x_content_type_options.header_value",
            "",
            Takes::Only,
        ),
        (
            "routing.http.response.x_frame_options.header_value",
            "",
            Takes::Only,
        ),
    ],
};

pub(super) const TARGET_GROUP: Attributes = Attributes {
    what: "Target group",
    known: &[
        (
            "deregistration_delay.timeout_seconds",
            "300",
            Takes::Number(0, 3600),
        ),
        (
            "load_balancing.algorithm.anomaly_mitigation",
            "off",
            Takes::Only,
        ),
        (
            ALGORITHM,
            "round_robin",
            Takes::Offered(&["round_robin", LEAST_OUTSTANDING]),
        ),
        (
            "load_balancing.cross_zone.enabled",
            "use_load_balancer_configuration",
            Takes::Text,
        ),
        (SLOW_START, "0", Takes::OffOr(30, 900)),
        ("stickiness.app_cookie.cookie_name", "", Takes::Text),
        (
            "stickiness.app_cookie.duration_seconds",
            "86400",
            Takes::Number(1, 604_800),
        ),
        ("stickiness.enabled", "false", Takes::Flag),
        (
            "stickiness.lb_cookie.duration_seconds",
            "86400",
            Takes::Number(1, 604_800),
        ),
        (
            "stickiness.type",
            "lb_cookie",
            Takes::Offered(&["lb_cookie"]),
        ),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.count",
            "1",
            Takes::Text,
        ),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.percentage",
            "off",
            Takes::Text,
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            "1",
            Takes::Only,
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            "off",
            Takes::Only,
        ),
    ],
};

/// Whether a load balancer must not be deleted.
pub(super) fn is_protected(set: &BTreeMap<String, String>) -> bool {
    set.get(DELETION_PROTECTION)
        .is_some_and(|value| value == "true")
}

/// Refuses attributes of a target group that exclude each other: slow start goes with round robin
/// only.
pub(super) fn check_together(set: &BTreeMap<String, String>) -> Result<(), ElbError> {
    let starts_slowly = set.get(SLOW_START).is_some_and(|value| value != "0");
    if starts_slowly
        && set
            .get(ALGORITHM)
            .is_some_and(|value| value == LEAST_OUTSTANDING)
    {
        return Err(ElbError::Validation(format!(
            "You cannot enable both slow start mode and '{LEAST_OUTSTANDING}'"
        )));
    }
    Ok(())
}

impl Attributes {
    /// All attributes with their values, those that were `set` and the defaults of the others.
    pub(super) fn describe<'a>(
        &'a self,
        set: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = (String, String)> + 'a {
        self.known.iter().map(|(key, default, _)| {
            let value = set
                .get(*key)
                .cloned()
                .unwrap_or_else(|| (*default).to_owned());
            ((*key).to_owned(), value)
        })
    }

    /// Checks attributes that are to be set.
    pub(super) fn read(
        &self,
        given: impl Iterator<Item = (Option<String>, Option<String>)>,
    ) -> Result<BTreeMap<String, String>, ElbError> {
        given
            .map(|(key, value)| {
                let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
                self.check(&key, &value)?;
                Ok((key, value))
            })
            .collect()
    }

    fn check(&self, key: &str, value: &str) -> Result<(), ElbError> {
        let what = self.what;
        let known = self.known.iter().find(|(known, ..)| *known == key);
        let (_, default, takes) = known.ok_or_else(|| {
            ElbError::Validation(format!("{what} attribute key '{key}' is not recognized"))
        })?;
        let is_valid = match takes {
            Takes::Flag => value == "true" || value == "false",
            Takes::Number(first, last) => value
                .parse()
                .is_ok_and(|number: u32| (*first..=*last).contains(&number)),
            Takes::OneOf(values) => values.contains(&value),
            Takes::OffOr(first, last) => value
                .parse()
                .is_ok_and(|number: u32| number == 0 || (*first..=*last).contains(&number)),
            Takes::Offered(values) if values.contains(&value) => true,
            Takes::Text => true,
            Takes::Only if value == *default => true,
            Takes::Only | Takes::Offered(_) => {
                return Err(ElbError::not_offered(format_args!("'{value}' for '{key}'")));
            }
        };
        if is_valid {
            return Ok(());
        }
        Err(ElbError::Validation(format!(
            "{what} attribute value '{value}' for '{key}' is not valid"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<BTreeMap<String, String>, String> {
        let given = [(Some(key.to_owned()), Some(value.to_owned()))];
        TARGET_GROUP
            .read(given.into_iter())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_checked() {
        assert!(read("deregistration_delay.timeout_seconds", "0").is_ok());
        assert!(read("deregistration_delay.timeout_seconds", "3601").is_err());
        assert!(read("stickiness.type", "source_ip").is_err());
        assert!(read("slow_start.duration_seconds", "29").is_err());
        assert!(read("slow_start.duration_seconds", "30").is_ok());
        assert!(
            read("nonsense", "1")
                .unwrap_err()
                .contains("not recognized")
        );
    }

    #[test]
    fn what_the_platform_lacks_is_refused_and_its_absence_taken() {
        assert!(read("load_balancing.algorithm.anomaly_mitigation", "off").is_ok());
        for (key, value) in [
            ("load_balancing.algorithm.anomaly_mitigation", "on"),
            ("load_balancing.algorithm.type", "weighted_random"),
            ("stickiness.type", "app_cookie"),
        ] {
            let refused = read(key, value).unwrap_err();
            assert!(refused.contains("does not offer"), "{refused}");
        }
    }

    #[test]
    fn set_values_come_in_the_place_of_defaults() {
        let set = read("deregistration_delay.timeout_seconds", "5").unwrap();
        let described: BTreeMap<_, _> = TARGET_GROUP.describe(&set).collect();
        assert_eq!(described["deregistration_delay.timeout_seconds"], "5");
        assert_eq!(described["slow_start.duration_seconds"], "0");
    }
}
