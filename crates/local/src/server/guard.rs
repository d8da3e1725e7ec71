//! Who is let in: requests to a loopback name, not from a browser, that know
//! the platform's key.
//!
//! A web page can make a browser send requests to loopback ports. It cannot
//! leave out `Origin` where it could read the answer or send anything but a
//! plain form, and a name of its own that leads to 127.0.0.1 shows in `Host`.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use seaway_aws_wire::sigv4::Identity;

use crate::access::KeyPair;
use crate::clock::EpochMillis;
use crate::keys::PlatformKeys;
use crate::redacted::Redacted;
use crate::registry::token;

/// What this port is called besides its loopback names: the address at which containers find it,
/// once there is one. What is asked there is let in by the same rules.
#[derive(Clone, Debug, Default)]
pub struct ContainerSide(Arc<OnceLock<IpAddr>>);

impl ContainerSide {
    /// The port is reached at this address, too. The first one counts.
    pub(crate) fn set(&self, address: IpAddr) {
        let _ = self.0.set(address);
    }

    fn is_named(&self, host: &str, port: u16) -> bool {
        let named = host.parse::<std::net::SocketAddr>().ok();
        let own = self.0.get();
        named.is_some_and(|named| Some(&named.ip()) == own && named.port() == port)
    }
}

/// What a client must know.
#[derive(Clone, Debug)]
pub struct AccessKeys {
    pub access_key_id: String,
    pub secret_access_key: Redacted,
    /// The key of clients that bring their own.
    pub second: Option<KeyPair>,
}

/// Why a request gets nothing. For the platform's log: the client sees no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the Host header does not name this loopback port")]
    ForeignHost,
    #[error("the request comes from a browser")]
    Browser,
}

/// Lets through what does not come from a browser and is addressed to a
/// loopback name at `port`, or to the address at which containers find it.
pub(super) fn admit(request: &Parts, port: u16, side: &ContainerSide) -> Result<(), Refusal> {
    // Sec-Fetch-Site is sent by every browser and cannot be set by a page.
    if request.headers.contains_key(ORIGIN) || request.headers.contains_key("sec-fetch-site") {
        return Err(Refusal::Browser);
    }
    let mut hosts = request.headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => return Err(Refusal::ForeignHost),
    };
    if is_loopback(host, port) || side.is_named(host, port) {
        Ok(())
    } else {
        Err(Refusal::ForeignHost)
    }
}

fn is_loopback(host: &str, port: u16) -> bool {
    let Some((name, number)) = host.rsplit_once(':') else {
        return false;
    };
    let named = ["127.0.0.1", "[::1]"].contains(&name) || name.eq_ignore_ascii_case("localhost");
    named && number.parse() == Ok(port)
}

impl AccessKeys {
    /// The access keys of a platform.
    #[must_use]
    pub fn of(keys: &PlatformKeys) -> Self {
        Self {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: keys.secret_access_key.clone(),
            second: None,
        }
    }

    /// These, and a second one where there is one.
    #[must_use]
    pub fn with_second(self, second: Option<KeyPair>) -> Self {
        Self { second, ..self }
    }

    /// The secret of the access key with this name.
    pub(super) fn secret_of(&self, access_key_id: &str) -> Option<&Redacted> {
        if access_key_id == self.access_key_id {
            return Some(&self.secret_access_key);
        }
        let second = self.second.as_ref();
        let second = second.filter(|second| second.id.as_str() == access_key_id);
        second.map(|second| &second.secret)
    }

    /// Whether a request was signed with the platform's own key, which Seaway's commands have.
    pub(super) fn is_own(&self, signer: &Identity) -> bool {
        signer.access_key_id == self.access_key_id
    }

    /// What the registry's tokens are made with. Those that were given out while a second key was
    /// accepted are worth nothing when it is not any more.
    #[must_use]
    pub fn token_secret(&self) -> Redacted {
        let own = self.secret_access_key.expose();
        Redacted::new(match &self.second {
            Some(second) => format!("{own}:{}:{}", second.id, second.secret.expose()),
            None => own.to_owned(),
        })
    }

    /// Whether the request carries the access key, or `AWS` and a token of ECR, as user and
    /// password (Basic): how clients of an image registry introduce themselves.
    pub(super) fn match_basic(&self, request: &Parts, now: EpochMillis) -> bool {
        let given = request
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
            .and_then(|(_, encoded)| BASE64.decode(encoded.trim()).ok());
        let Some(given) = given else {
            return false;
        };
        let token = std::str::from_utf8(&given)
            .ok()
            .and_then(|text| text.strip_prefix(token::TOKEN_USER))
            .and_then(|text| text.strip_prefix(':'));
        if token.is_some_and(|token| token::is_good(&self.token_secret(), token, now)) {
            return true;
        }
        let is = |id: &str, secret: &Redacted| {
            let expected = format!("{id}:{}", secret.expose());
            verify_slices_are_equal(&given, expected.as_bytes()).is_ok()
        };
        let second = self.second.as_ref();
        is(&self.access_key_id, &self.secret_access_key)
            || second.is_some_and(|second| is(second.id.as_str(), &second.secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_loopback_names_at_the_own_port_are_hosts() {
        for host in [
            "127.0.0.1:4000",
            "localhost:4000",
            "LOCALHOST:4000",
            "[::1]:4000",
        ] {
            assert_eq!(
                admit(&parts(&[("host", host)]), 4000, &ContainerSide::default()),
                Ok(()),
                "{host}"
            );
        }
        let foreign = [
            "127.0.0.1",
            "127.0.0.1:4001",
            "evil.example:4000",
            "127.0.0.1.evil.example:4000",
            "localhost.:4000",
            "",
        ];
        for host in foreign {
            let refused = admit(&parts(&[("host", host)]), 4000, &ContainerSide::default());
            assert_eq!(refused, Err(Refusal::ForeignHost), "{host}");
        }
        assert_eq!(
            admit(&parts(&[]), 4000, &ContainerSide::default()),
            Err(Refusal::ForeignHost)
        );
        let twice = [("host", "localhost:4000"), ("host", "evil.example")];
        assert_eq!(
            admit(&parts(&twice), 4000, &ContainerSide::default()),
            Err(Refusal::ForeignHost)
        );
    }

    #[test]
    fn containers_find_the_port_at_the_gateway_and_nowhere_else() {
        let side = ContainerSide::default();
        let asked = |host: &str| admit(&parts(&[("host", host)]), 4000, &side);
        assert_eq!(asked("172.17.0.1:4000"), Err(Refusal::ForeignHost));
        side.set([172, 17, 0, 1].into());
        assert_eq!(asked("172.17.0.1:4000"), Ok(()));
        assert_eq!(asked("127.0.0.1:4000"), Ok(()));
        for foreign in ["172.17.0.1:4001", "172.17.0.2:4000", "172.17.0.1"] {
            assert_eq!(asked(foreign), Err(Refusal::ForeignHost), "{foreign}");
        }
    }

    #[test]
    fn browsers_are_refused() {
        for header in [
            ("origin", "null"),
            ("origin", "http://127.0.0.1:4000"),
            ("sec-fetch-site", "none"),
        ] {
            let refused = admit(
                &parts(&[("host", "127.0.0.1:4000"), header]),
                4000,
                &ContainerSide::default(),
            );
            assert_eq!(refused, Err(Refusal::Browser));
        }
    }

    #[test]
    fn basic_credentials_are_the_access_key_or_a_token() {
        let keys = AccessKeys {
            access_key_id: "AKID".into(),
            secret_access_key: Redacted::new("secret"),
            second: None,
        };
        let header = |text: &str| format!("Basic {}", BASE64.encode(text));
        let matches = |text: &str| {
            let parts = parts(&[("authorization", text)]);
            keys.match_basic(&parts, EpochMillis(1000))
        };
        assert!(matches(&header("AKID:secret")));
        assert!(!matches(&header("AKID:secre")));
        assert!(!matches("Basic !!"));
        assert!(!keys.match_basic(&parts(&[]), EpochMillis(1000)));
        let token = |end| token::issue(&keys.secret_access_key, EpochMillis(end));
        assert!(matches(&header(&format!("AWS:{}", token(1001).expose()))));
        assert!(!matches(&header(&format!("AWS:{}", token(999).expose()))));
        assert!(!matches(&header(&format!("AKID:{}", token(1001).expose()))));
    }

    #[test]
    fn a_second_key_logs_in_and_its_tokens_end_with_it() {
        let closed = AccessKeys {
            access_key_id: "AKID".into(),
            secret_access_key: Redacted::new("secret"),
            second: None,
        };
        let open = closed.clone().with_second(Some(KeyPair {
            id: "suite".parse().unwrap(),
            secret: Redacted::new("sesame"),
        }));
        let login = |keys: &AccessKeys, text: &str| {
            let header = format!("Basic {}", BASE64.encode(text));
            keys.match_basic(&parts(&[("authorization", &header)]), EpochMillis(0))
        };
        for (text, let_in) in [
            ("AKID:secret", true),
            ("suite:sesame", true),
            ("suite:secret", false),
            ("AKID:sesame", false),
        ] {
            assert_eq!(login(&open, text), let_in, "{text}");
        }
        assert!(!login(&closed, "suite:sesame"));
        let token = token::issue(&open.token_secret(), EpochMillis(1000));
        let token = format!("AWS:{}", token.expose());
        assert!(login(&open, &token));
        assert!(!login(&closed, &token));
        assert_eq!(open.secret_of("suite").unwrap().expose(), "sesame");
        assert_eq!(closed.secret_of("suite"), None);
    }
}
