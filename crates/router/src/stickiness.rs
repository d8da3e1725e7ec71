//! Cookies that keep a client at a target, or in a target group.
//!
//! What a cookie says does not depend on when the router started, so a client stays where it is when
//! the platform is started again. It names no address.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header};

use crate::peer::Protocol;

/// Keeps a client at a target.
pub(crate) const TARGET: Cookies = Cookies {
    name: "AWSALB",
    cross_site: "AWSALBCORS",
};

/// Keeps a client in a target group.
pub(crate) const GROUP: Cookies = Cookies {
    name: "AWSALBTG",
    cross_site: "AWSALBTGCORS",
};

/// The two names under which a load balancer says the same, as Application Load Balancers do: the
/// second cookie is for requests that come from other sites' pages.
#[derive(Debug)]
pub(crate) struct Cookies {
    name: &'static str,
    cross_site: &'static str,
}

/// Who keeps a cookie, and from when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeper {
    pub(crate) now: SystemTime,
    pub(crate) protocol: Protocol,
}

/// Names a target or a group in a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(u64);

impl Token {
    pub(crate) fn of(named: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        named.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl Cookies {
    /// What a client has sent; nothing when it sent none, or one that is not ours.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> Option<Token> {
        let lines = headers.get_all(header::COOKIE).iter();
        let mut cookies = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='));
        cookies.find_map(|(name, value)| {
            let ours = name == self.name || name == self.cross_site;
            let token = u64::from_str_radix(value, 16).ok().filter(|_| ours)?;
            Some(Token(token))
        })
    }

    /// Has the client send `token` until `lasts` is over.
    pub(crate) fn set(
        &self,
        headers: &mut HeaderMap,
        token: Token,
        keeper: Keeper,
        lasts: Duration,
    ) {
        let Some(expires) = date(keeper.now + lasts) else {
            return;
        };
        let value = format!("{:016x}; Expires={expires}; Path=/", token.0);
        let secure = match keeper.protocol {
            Protocol::Http => "",
            Protocol::Https => "; Secure",
        };
        for cookie in [
            format!("{}={value}", self.name),
            format!("{}={value}; SameSite=None{secure}", self.cross_site),
        ] {
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
    }
}

/// As HTTP writes dates; nothing for a clock that is far out of its time.
fn date(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    printer.timestamp_to_rfc9110_string(&time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(line: &'static str) -> Option<Token> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static(line));
        TARGET.sent(&headers)
    }

    #[test]
    fn what_was_set_is_understood_when_it_is_sent() {
        let mut answer = HeaderMap::new();
        let token = Token::of(("task", 1));
        let lasts = Duration::from_secs(86_400);
        let keeper = Keeper {
            now: SystemTime::UNIX_EPOCH,
            protocol: Protocol::Https,
        };
        TARGET.set(&mut answer, token, keeper, lasts);
        let cookies: Vec<&str> = answer
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|cookie| cookie.to_str().unwrap())
            .collect();
        let until = "Expires=Fri, 02 Jan 1970 00:00:00 GMT; Path=/";
        let value = format!("{:016x}", token.0);
        assert_eq!(
            cookies,
            [
                format!("AWSALB={value}; {until}"),
                format!("AWSALBCORS={value}; {until}; SameSite=None; Secure"),
            ]
        );
        for name in ["AWSALB", "AWSALBCORS"] {
            let mut headers = HeaderMap::new();
            let line = format!("session=1; {name}={value}");
            headers.insert(header::COOKIE, HeaderValue::try_from(line).unwrap());
            assert_eq!(TARGET.sent(&headers), Some(token));
            assert_eq!(GROUP.sent(&headers), None);
        }
    }

    #[test]
    fn other_cookies_are_none_of_ours() {
        assert_eq!(sent("session=00000000000000ff"), None);
        assert_eq!(sent("AWSALB=somebody else's; b"), None);
        assert_eq!(sent("AWSALB="), None);
    }
}
