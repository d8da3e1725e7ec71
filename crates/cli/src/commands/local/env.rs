//! `seaway local env`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use seaway_local::launch::Connection;
use seaway_local::layout::StateDir;

use crate::args::Format;
use crate::context::{not_running, running_platform};
use crate::failure::Failure;
use crate::output::Output;

/// Would lead an AWS client to another account, or past the endpoint that is set.
const ELSEWHERE: [&str; 5] = [
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
];
/// Of one service each (`AWS_ENDPOINT_URL_ECS`), which beats the one of all.
const ENDPOINT_OF_SERVICE: &str = "AWS_ENDPOINT_URL_";

/// Shell assignments; the secret key is the reader's own.
pub(super) async fn run(state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
    let connection = running_platform(state).await?.ok_or_else(not_running)?;
    let set = set(&connection);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unset = unset(names);
    match output.format {
        Format::Json => {
            let set = set.into_iter().map(|(name, value)| (name, Some(value)));
            let unset = unset.iter().map(|name| (name.as_str(), None));
            let all: BTreeMap<&str, Option<String>> = set.chain(unset).collect();
            output.json(&all);
        }
        Format::Text => {
            for (name, value) in set {
                let value = value.replace('\'', r"'\''");
                output.data(&format!("export {name}='{value}'\n"));
            }
            let names: Vec<&str> = unset.iter().map(String::as_str).collect();
            output.data(&format!("unset {}\n", names.join(" ")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn set(connection: &Connection) -> Vec<(&'static str, String)> {
    let secret = connection.secret_access_key.expose().to_owned();
    vec![
        ("AWS_ENDPOINT_URL", connection.endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", connection.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", connection.region.to_owned()),
        ("AWS_DEFAULT_REGION", connection.region.to_owned()),
        ("NO_PROXY", no_proxy("NO_PROXY")),
        ("no_proxy", no_proxy("no_proxy")),
    ]
}

/// Names to take away: those that always mislead, and endpoints of services that are set.
fn unset(present: impl Iterator<Item = String>) -> BTreeSet<String> {
    // A shell reads them: nothing but a plain name may get there.
    let is_plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    present
        .filter(|name| name.starts_with(ENDPOINT_OF_SERVICE) && is_plain(name))
        .chain(ELSEWHERE.map(str::to_owned))
        .collect()
}

/// What was there already, and this machine.
fn no_proxy(name: &str) -> String {
    const OWN: &str = "127.0.0.1,localhost";
    match std::env::var(name) {
        Ok(before) if !before.is_empty() && !before.contains(OWN) => format!("{before},{OWN}"),
        Ok(before) if before.contains(OWN) => before,
        _ => OWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_services_are_taken_away_where_they_are_plain_names() {
        let present = [
            "AWS_ENDPOINT_URL_ECS",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_$(true)",
            "PATH",
        ];
        let unset = unset(present.into_iter().map(str::to_owned));
        let taken: Vec<&str> = unset.iter().map(String::as_str).collect();
        let mut expected = ELSEWHERE.to_vec();
        expected.push("AWS_ENDPOINT_URL_ECS");
        expected.sort_unstable();
        assert_eq!(taken, expected);
    }
}
