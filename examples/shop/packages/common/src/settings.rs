//! Everything a service is told by its environment, read once at the start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hyper::Uri;
use thiserror::Error;

use crate::fault::{Fault, UnknownFault};

/// The settings that all services share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `HOST` (an address, default 0.0.0.0) and `PORT` (default 8000; 0 takes a free one).
    pub listen: SocketAddr,
    /// `SHOP_VERSION`, or the version of the package: what `/version` shows.
    pub version: String,
    /// `SHOP_FAULT`.
    pub fault: Fault,
}

/// A variable is missing or holds something unusable.
#[derive(Debug, Error)]
pub enum SettingsError {
    #[error("HOST is `{value}`, which is not an IP address")]
    Host { value: String },
    #[error("PORT is `{value}`, which is not a number from 0 to 65535")]
    Port { value: String },
    #[error("SHOP_FAULT cannot be read")]
    Fault(#[source] UnknownFault),
    #[error("{variable} is not set: the address of a service this one uses")]
    MissingUrl { variable: String },
    #[error("{variable} is `{value}`, which is not an address like http://127.0.0.1:8000")]
    Url { variable: String, value: String },
}

impl Settings {
    /// Reads the settings through `lookup`, which answers the value of a variable if it is set.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let host = match lookup("HOST") {
            Some(value) => value.parse().map_err(|_| SettingsError::Host { value })?,
            None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let port = match lookup("PORT") {
            Some(value) => value.parse().map_err(|_| SettingsError::Port { value })?,
            None => 8000,
        };
        let fault = match lookup("SHOP_FAULT") {
            Some(value) => value.parse().map_err(SettingsError::Fault)?,
            None => Fault::None,
        };
        let version = lookup("SHOP_VERSION").filter(|version| !version.is_empty());
        Ok(Self {
            // A port of its own choice is what "ignores PORT" means.
            listen: SocketAddr::new(host, if fault == Fault::IgnorePort { 0 } else { port }),
            version: version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
            fault,
        })
    }
}

/// The address of a service that this one uses: `CATALOG_URL` for `catalog`.
pub fn read_url(
    service: &str,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Uri, SettingsError> {
    let variable = format!("{}_URL", service.to_uppercase().replace('-', "_"));
    let Some(value) = lookup(&variable) else {
        return Err(SettingsError::MissingUrl { variable });
    };
    match value.trim_end_matches('/').parse::<Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") && uri.authority().is_some() => Ok(uri),
        _ => Err(SettingsError::Url { variable, value }),
    }
}

/// The variables of this process.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            pairs
                .iter()
                .find(|pair| pair.0 == name)
                .map(|pair| pair.1.to_owned())
        }
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let settings = Settings::read(variables(&[])).unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:8000");
        assert_eq!(settings.version, env!("CARGO_PKG_VERSION"));
        assert_eq!(settings.fault, Fault::None);
    }

    #[test]
    fn variables_win_over_defaults() {
        let pairs = [
            ("HOST", "127.0.0.1"),
            ("PORT", "9000"),
            ("SHOP_VERSION", "2"),
        ];
        let settings = Settings::read(variables(&pairs)).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:9000");
        assert_eq!(settings.version, "2");
    }

    #[test]
    fn the_fault_that_ignores_the_port_takes_another() {
        let pairs = [("PORT", "9000"), ("SHOP_FAULT", "ignore-port")];
        let settings = Settings::read(variables(&pairs)).unwrap();
        assert_eq!(settings.listen.port(), 0);
    }

    #[test]
    fn unusable_values_name_the_variable() {
        for pair in [("HOST", "here"), ("PORT", "65536"), ("SHOP_FAULT", "boom")] {
            let error = Settings::read(variables(&[pair])).unwrap_err().to_string();
            assert!(error.contains(pair.0), "{error}");
        }
    }

    #[test]
    fn addresses_of_used_services_are_checked() {
        let good = read_url(
            "catalog",
            variables(&[("CATALOG_URL", "http://127.0.0.1:81/")]),
        );
        assert_eq!(good.unwrap().authority().unwrap().as_str(), "127.0.0.1:81");
        for value in ["catalog", "https://catalog", "/catalog", ""] {
            let error = read_url("catalog", variables(&[("CATALOG_URL", value)])).unwrap_err();
            assert!(error.to_string().contains("CATALOG_URL"), "{error}");
        }
        let error = read_url("catalog", variables(&[])).unwrap_err();
        assert!(
            error.to_string().starts_with("CATALOG_URL is not set"),
            "{error}"
        );
    }
}
