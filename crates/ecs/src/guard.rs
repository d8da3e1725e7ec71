//! Never the wrong cloud: what is checked before the first call that could change something.

use std::net::SocketAddr;

use seaway_ports::{PortError, PortErrorKind};
use thiserror::Error;

use crate::target::ProcessEnvironment;

/// A target that must not be touched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    #[error("the endpoint {0:?} is not on this machine")]
    NotLoopback(String),
    #[error(
        "the variable {variable} sends AWS calls to {value:?}, which the manifest does not name"
    )]
    ForeignEndpoint { variable: String, value: String },
    #[error("the credentials belong to account {actual}, the manifest names {expected}")]
    OtherAccount { expected: String, actual: String },
}

impl GuardError {
    fn hint(&self) -> String {
        match self {
            Self::NotLoopback(_) => {
                "an environment of platform \"local\" runs on this machine only: \
                 use platform = \"ecs\" for anything else"
                    .into()
            }
            Self::ForeignEndpoint { variable, .. } => {
                format!("unset {variable}, or name the endpoint as `endpoint_url` in the manifest")
            }
            Self::OtherAccount { expected, .. } => {
                format!("use credentials of account {expected}, for example with AWS_PROFILE")
            }
        }
    }
}

impl From<GuardError> for PortError {
    fn from(error: GuardError) -> Self {
        let hint = error.hint();
        PortError::new(PortErrorKind::Denied, "connect", error.to_string()).with_hint(hint)
    }
}

/// Accepts `http://ADDRESS:PORT` with a literal loopback address. A name such as `localhost` can
/// be resolved to anything and is refused.
pub(crate) fn loopback(endpoint: &str) -> Result<SocketAddr, GuardError> {
    let refused = || GuardError::NotLoopback(endpoint.to_owned());
    let authority = endpoint.strip_prefix("http://").ok_or_else(refused)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let address: SocketAddr = authority.parse().map_err(|_| refused())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(refused())
    }
}

/// Refuses a process whose variables redirect AWS clients elsewhere than the manifest says.
///
/// # Errors
/// [`GuardError::ForeignEndpoint`] names the variable.
pub fn no_foreign_endpoint(
    process: &ProcessEnvironment,
    named: Option<&str>,
) -> Result<(), GuardError> {
    let same = |value: &str| {
        named.is_some_and(|named| named.trim_end_matches('/') == value.trim_end_matches('/'))
    };
    for (variable, value) in process.redirections() {
        if !value.is_empty() && !same(value) {
            return Err(GuardError::ForeignEndpoint {
                variable: variable.to_owned(),
                value: value.to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses credentials of another account.
pub(crate) fn same_account(expected: &str, actual: Option<&str>) -> Result<(), GuardError> {
    if actual == Some(expected) {
        return Ok(());
    }
    Err(GuardError::OtherAccount {
        expected: expected.to_owned(),
        actual: actual.unwrap_or("(none)").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_loopback_addresses_are_this_machine() {
        for endpoint in [
            "http://127.0.0.1:4566",
            "http://127.0.0.1:4566/",
            "http://[::1]:80",
        ] {
            assert!(loopback(endpoint).is_ok(), "{endpoint}");
        }
        for endpoint in [
            "http://localhost:4566",
            "https://127.0.0.1:4566",
            "http://127.0.0.1.evil.example:80",
            "http://127.0.0.1:80@evil.example",
            "http://user@127.0.0.1:80",
            "http://127.0.0.1:80/path",
            "http://10.0.0.1:80",
            "http://0.0.0.0:80",
            "http://169.254.169.254:80",
            "127.0.0.1:80",
            "",
        ] {
            assert_eq!(
                loopback(endpoint),
                Err(GuardError::NotLoopback(endpoint.into())),
                "{endpoint}"
            );
        }
    }

    fn process(variables: &[(&str, &str)]) -> ProcessEnvironment {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ProcessEnvironment::from_variables(variables.iter().map(owned))
    }

    #[test]
    fn a_redirection_that_the_manifest_does_not_name_is_refused() {
        for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS"] {
            let process = process(&[("PATH", "/bin"), (variable, "http://127.0.0.1:9")]);
            for named in [None, Some("http://127.0.0.1:10")] {
                let error = no_foreign_endpoint(&process, named).expect_err(variable);
                assert!(error.to_string().contains(variable), "{error}");
            }
        }
    }

    #[test]
    fn a_redirection_that_is_named_or_empty_is_accepted() {
        let named = process(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9/")]);
        assert_eq!(
            no_foreign_endpoint(&named, Some("http://127.0.0.1:9")),
            Ok(())
        );
        let empty = process(&[("AWS_ENDPOINT_URL", ""), ("AWS_REGION", "eu-west-1")]);
        assert_eq!(no_foreign_endpoint(&empty, None), Ok(()));
    }

    #[test]
    fn another_account_is_refused_with_the_next_step() {
        assert_eq!(same_account("111122223333", Some("111122223333")), Ok(()));
        let error = same_account("111122223333", Some("444455556666")).expect_err("another");
        let error = PortError::from(error);
        assert_eq!(error.kind, PortErrorKind::Denied);
        assert_eq!(
            error.to_string(),
            "could not connect: the credentials belong to account 444455556666, \
             the manifest names 111122223333"
        );
        assert!(error.hint.is_some_and(|hint| hint.contains("111122223333")));
        assert!(same_account("111122223333", None).is_err());
    }
}
