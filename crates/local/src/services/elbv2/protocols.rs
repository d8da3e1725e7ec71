//! How listeners speak: HTTP, or HTTPS with a certificate and a security policy, which are names here
//! and read back as they were given.

use seaway_aws_wire::elbv2::{self as wire, ProtocolEnum};

use super::error::ElbError;
use crate::balancing::ListenerTls;

const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";
const POLICIES: &str = "ELBSecurityPolicy-";
/// Who has certificates for load balancers.
const KEEPERS: [&str; 2] = ["acm", "iam"];

/// What a request says about how a listener is to speak.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) protocol: Option<ProtocolEnum>,
    pub(super) certificates: Option<Vec<wire::Certificate>>,
    pub(super) policy: Option<String>,
    pub(super) mutual: Option<wire::MutualAuthenticationAttributes>,
}

impl Given {
    /// How a listener speaks that spoke as `before` (a new one: HTTP); nothing for HTTP.
    pub(super) fn read(
        self,
        before: Option<&ListenerTls>,
    ) -> Result<Option<ListenerTls>, ElbError> {
        let kept = match before {
            Some(_) => ProtocolEnum::Https,
            None => ProtocolEnum::Http,
        };
        let certificates = self.certificates.unwrap_or_default();
        match self.protocol.unwrap_or(kept) {
            ProtocolEnum::Http if certificates.is_empty() && self.policy.is_none() => {
                return Ok(None);
            }
            ProtocolEnum::Http => {
                return Err(ElbError::validation(
                    "Certificates and security policies can be specified for HTTPS listeners only",
                ));
            }
            ProtocolEnum::Https => {}
            other => return Err(ElbError::not_offered(format_args!("{other} listeners"))),
        }
        let mode = self.mutual.and_then(|mutual| mutual.mode);
        if let Some(mode) = mode.filter(|mode| mode != "off") {
            let what = format_args!("mutual authentication ('{mode}')");
            return Err(ElbError::not_offered(what));
        }
        Ok(Some(ListenerTls {
            certificate: certificate(certificates, before)?,
            policy: policy(self.policy, before)?,
        }))
    }
}

/// Tells how a listener speaks.
pub(super) fn describe(tls: Option<&ListenerTls>, listener: wire::Listener) -> wire::Listener {
    let Some(tls) = tls else {
        return wire::Listener {
            protocol: Some(ProtocolEnum::Http),
            ..listener
        };
    };
    wire::Listener {
        protocol: Some(ProtocolEnum::Https),
        certificates: Some(vec![wire::Certificate {
            certificate_arn: Some(tls.certificate.clone()),
            is_default: None,
        }]),
        ssl_policy: Some(tls.policy.clone()),
        mutual_authentication: Some(wire::MutualAuthenticationAttributes {
            mode: Some("off".to_owned()),
            ..wire::MutualAuthenticationAttributes::default()
        }),
        ..listener
    }
}

fn certificate(
    mut given: Vec<wire::Certificate>,
    before: Option<&ListenerTls>,
) -> Result<String, ElbError> {
    let arn = match (given.pop(), given.is_empty(), before) {
        (Some(one), true, _) => one.certificate_arn.unwrap_or_default(),
        (None, _, Some(before)) => before.certificate.clone(),
        (None, _, None) => {
            return Err(ElbError::validation(
                "A certificate must be specified for HTTPS listeners",
            ));
        }
        (Some(_), false, _) => {
            return Err(ElbError::validation(
                "Up to '1' certificate can be specified for a listener",
            ));
        }
    };
    let keeper = arn
        .strip_prefix("arn:")
        .and_then(|rest| rest.split(':').nth(1));
    match keeper.is_some_and(|keeper| KEEPERS.contains(&keeper)) {
        true => Ok(arn),
        false => Err(ElbError::CertificateNotFound(arn)),
    }
}

fn policy(given: Option<String>, before: Option<&ListenerTls>) -> Result<String, ElbError> {
    let before = || before.map(|before| before.policy.clone());
    let policy = given.or_else(before);
    let policy = policy.unwrap_or_else(|| DEFAULT_POLICY.to_owned());
    match policy.starts_with(POLICIES) {
        true => Ok(policy),
        false => Err(ElbError::PolicyNotFound(policy)),
    }
}
