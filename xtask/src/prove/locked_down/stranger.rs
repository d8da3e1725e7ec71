//! What is tried over HTTP by those who do not know the platform's key, or are a browser.

use std::time::Duration;

use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method};

use super::request::{Answer, Draft, Signature, Wanted};
use super::{PLANTED, SECOND, line};
use crate::prove::bench::{During as _, ProofError, claim, note};

const MINUTE: Duration = Duration::from_secs(60);
const RESET: &str = "/_seaway/v1/reset";
const STATUS: &str = "/_seaway/v1/status";
const CATALOG: &str = "/v2/_catalog";
const RESET_TOKEN: HeaderName = HeaderName::from_static("x-seaway-reset-token");

/// Requests of one kind, each with what is wrong about it.
type Tries = Vec<(&'static str, Draft)>;

/// Everything that can be tried while a second key is accepted and resets are on. How many it were.
pub(super) fn while_open(wanted: &Wanted<'_>) -> Result<usize, ProofError> {
    let second = signed_by_second(wanted)?;
    claim!(
        wanted.owner.sends(second)?.body.contains(PLANTED)
            && wanted.by_its_owner()?.contains(PLANTED),
        "those who may read the secret cannot"
    );
    let recent = wanted.owner.sends(wanted.signed_before(MINUTE * 14)?)?;
    claim!(
        recent.status == 200,
        "a signature is not good for 14 minutes: {}",
        recent.body
    );
    note("the clock is not moved: a signature of 16 minutes ago stands for a replay after 15");
    let tries = [
        signatures(wanted)?,
        browsers(wanted)?,
        interface(wanted)?,
        resets(wanted)?,
        registry(wanted)?,
    ];
    all_get_nothing(wanted, tries.into_iter().flatten())
}

/// What worked before and must not any more. How many it were.
pub(super) fn when_closed(wanted: &Wanted<'_>, login: &str) -> Result<usize, ProofError> {
    let catalog = wanted.owner.plain(Method::GET, CATALOG)?;
    let tries = vec![
        ("second key, when off", signed_by_second(wanted)?),
        (
            "registry, second key, when off",
            with(catalog.clone(), AUTHORIZATION, &basic(SECOND.0, SECOND.1))?,
        ),
        (
            "registry, a login of the time when it was on",
            with(catalog, AUTHORIZATION, &format!("Basic {login}"))?,
        ),
        (
            "reset with the token, when off",
            reset(wanted, wanted.token)?,
        ),
    ];
    all_get_nothing(wanted, tries)
}

fn signatures(wanted: &Wanted<'_>) -> Result<Tries, ProofError> {
    let owner = wanted.owner;
    let own = owner.signature("secretsmanager");
    let by = |signature: Signature<'_>| owner.signed(wanted.draft()?, signature);
    let mut changed = wanted.signed_before(Duration::ZERO)?;
    let mut body = changed.body().to_vec();
    body.push(b' ');
    *changed.body_mut() = body.into();
    let dated = |date: &str| {
        let draft = wanted.signed_before(Duration::ZERO)?;
        with(draft, HeaderName::from_static("x-amz-date"), date)
    };
    Ok(vec![
        ("no signature", wanted.draft()?),
        (
            "no signature, but a word in its place",
            with(wanted.draft()?, AUTHORIZATION, "AWS4-HMAC-SHA256 please")?,
        ),
        (
            "the right key, a wrong secret",
            by(Signature {
                key: (own.key.0, "guess"),
                ..own
            })?,
        ),
        (
            "a key that nobody has",
            by(Signature {
                key: ("AKIDNOBODY", own.key.1),
                ..own
            })?,
        ),
        ("the body changed after it was signed", changed),
        (
            "signed for another service",
            by(Signature {
                service: "ecs",
                ..own
            })?,
        ),
        (
            "another date than the one that was signed",
            dated("20200101T000000Z")?,
        ),
        ("a date that is none", dated("yesterday")?),
        (
            "signed 16 minutes ago, as a replay after 15 would be",
            wanted.signed_before(MINUTE * 16)?,
        ),
        ("signed a day ago", wanted.signed_before(MINUTE * 60 * 24)?),
        (
            "signed 16 minutes from now",
            by(Signature {
                at: own.at + MINUTE * 16,
                ..own
            })?,
        ),
    ])
}

/// Browsers, and names that lead a browser here, with signatures that would be good.
fn browsers(wanted: &Wanted<'_>) -> Result<Tries, ProofError> {
    let signed = || wanted.signed_before(Duration::ZERO);
    let site = HeaderName::from_static("sec-fetch-site");
    let own = format!("http://{}", wanted.owner.address);
    let port = wanted.owner.address.port();
    let named = |host: &str| {
        // Signed with that name, as a client of it would.
        let draft = with(wanted.draft()?, HOST, host)?;
        let signature = wanted.owner.signature("secretsmanager");
        wanted.owner.signed(draft, signature)
    };
    Ok(vec![
        (
            "a web page",
            with(signed()?, http::header::ORIGIN, "https://example.com")?,
        ),
        (
            "a web page without a site",
            with(signed()?, http::header::ORIGIN, "null")?,
        ),
        (
            "a web page that came from here",
            with(signed()?, http::header::ORIGIN, &own)?,
        ),
        (
            "a browser's address bar",
            with(signed()?, site.clone(), "none")?,
        ),
        (
            "a browser, same origin",
            with(signed()?, site, "same-origin")?,
        ),
        (
            "a name of others that leads here",
            named(&format!("rebound.example:{port}"))?,
        ),
        (
            "a name that begins like this machine",
            named(&format!("127.0.0.1.example:{port}"))?,
        ),
        ("another port", named("127.0.0.1:1")?),
        (
            "an address of the network",
            named(&format!("192.0.2.1:{port}"))?,
        ),
    ])
}

fn interface(wanted: &Wanted<'_>) -> Result<Tries, ProofError> {
    let status = wanted.owner.plain(Method::GET, STATUS)?;
    let second = Signature {
        key: SECOND,
        ..wanted.owner.signature("seaway")
    };
    Ok(vec![
        ("Seaway's own interface, no signature", status.clone()),
        (
            "Seaway's own interface, signed for AWS",
            wanted
                .owner
                .signed(status.clone(), wanted.owner.signature("ecs"))?,
        ),
        (
            "Seaway's own interface, second key",
            wanted.owner.signed(status, second)?,
        ),
    ])
}

fn resets(wanted: &Wanted<'_>) -> Result<Tries, ProofError> {
    let half = &wanted.token[..wanted.token.len() / 2];
    let bare = wanted.owner.plain(Method::POST, RESET)?;
    let second = Signature {
        key: SECOND,
        ..wanted.owner.signature("seaway")
    };
    let page = with(
        reset(wanted, wanted.token)?,
        http::header::ORIGIN,
        "https://example.com",
    )?;
    let mut by_get = reset(wanted, wanted.token)?;
    *by_get.method_mut() = Method::GET;
    Ok(vec![
        ("reset without the token", bare.clone()),
        ("reset with an empty token", reset(wanted, "")?),
        ("reset with half of the token", reset(wanted, half)?),
        ("reset with another token", reset(wanted, &"0".repeat(64))?),
        ("reset with the token, from a web page", page),
        ("reset with the token, as a link would", by_get),
        (
            "reset with the second key and no token",
            wanted.owner.signed(bare, second)?,
        ),
    ])
}

fn registry(wanted: &Wanted<'_>) -> Result<Tries, ProofError> {
    let catalog = wanted.owner.plain(Method::GET, CATALOG)?;
    let login =
        |user: &str, password: &str| with(catalog.clone(), AUTHORIZATION, &basic(user, password));
    let key = wanted.owner.signature("ecr").key.0;
    Ok(vec![
        ("registry without a login", catalog.clone()),
        ("registry, wrong password", login(key, "guess")?),
        (
            "registry, an invented token",
            login("AWS", "99999999999999.00")?,
        ),
    ])
}

fn signed_by_second(wanted: &Wanted<'_>) -> Result<Draft, ProofError> {
    let signature = Signature {
        key: SECOND,
        ..wanted.owner.signature("secretsmanager")
    };
    wanted.owner.signed(wanted.draft()?, signature)
}

fn reset(wanted: &Wanted<'_>, token: &str) -> Result<Draft, ProofError> {
    with(wanted.owner.plain(Method::POST, RESET)?, RESET_TOKEN, token)
}

fn with(mut draft: Draft, name: HeaderName, value: &str) -> Result<Draft, ProofError> {
    let value = HeaderValue::from_str(value).during("form a request")?;
    let headers: &mut HeaderMap = draft.headers_mut();
    headers.insert(name, value);
    Ok(draft)
}

fn all_get_nothing(
    wanted: &Wanted<'_>,
    tries: impl IntoIterator<Item = (&'static str, Draft)>,
) -> Result<usize, ProofError> {
    let mut count = 0;
    for (who, draft) in tries {
        let answer = wanted.owner.sends(draft)?;
        line(who, &answer.summary());
        claim!(
            answer.is_nothing(),
            "{who}: {} {}",
            answer.status,
            answer.body
        );
        count += 1;
    }
    Ok(count)
}

impl Answer {
    /// Refused, and without a word about what is here.
    fn is_nothing(&self) -> bool {
        let telling = [
            PLANTED,
            "000000000000",
            "locked",
            "endpoint",
            "repositories",
        ];
        (400..500).contains(&self.status) && !telling.iter().any(|part| self.body.contains(part))
    }

    /// The status, and the code where AWS's clients are told one.
    fn summary(&self) -> String {
        let document: Option<serde_json::Value> = serde_json::from_str(&self.body).ok();
        let code = document.as_ref().and_then(|it| it["__type"].as_str());
        match code.map(|code| code.rsplit('#').next().unwrap_or(code)) {
            Some(code) => format!("{} {code}", self.status),
            None if self.body.is_empty() => format!("{}, nothing else", self.status),
            None => format!("{} {}", self.status, self.body),
        }
    }
}

/// The login that a registry's client sends.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let text = format!("{user}:{password}");
    let text = base64::engine::general_purpose::STANDARD.encode(text);
    format!("Basic {text}")
}
