//! Names of parameters: which are allowed, and how references to them are written.
//!
//! Source: "Creating Parameter Store parameters" and `PutParameter` of the API reference.

use super::ParametersError;
use crate::identity::arn;

/// Levels of a hierarchy.
const MAX_LEVELS: usize = 15;
/// Characters of a name, without what comes before it in an ARN.
const MAX_NAME: usize = 1011;

/// Refuses names that Parameter Store would not create.
pub(super) fn check(name: &str) -> Result<(), ParametersError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let relative = name.strip_prefix('/').unwrap_or(name);
    let levels: Vec<&str> = relative.split('/').collect();
    if levels.len() > 1 && !name.starts_with('/') {
        return refused("Parameter name must be a fully qualified name.");
    }
    let well_formed = |level: &&str| !level.is_empty() && level.chars().all(allowed);
    if !levels.iter().all(well_formed) {
        return refused(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If \
             formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path \
             can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        );
    }
    let lower = relative.to_ascii_lowercase();
    if lower.starts_with("aws") || lower.starts_with("ssm") {
        return refused(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        );
    }
    if name.len() > MAX_NAME {
        return refused("Parameter name: can't be longer than 1011 characters.");
    }
    if levels.len() > MAX_LEVELS {
        return Err(ParametersError::TooDeep { max: MAX_LEVELS });
    }
    Ok(())
}

fn refused(message: &str) -> Result<(), ParametersError> {
    Err(ParametersError::Validation(message.to_owned()))
}

/// Refuses to look for a name that is no name and no path. Nothing is refused of ARNs.
pub(super) fn check_readable(name: &str) -> Result<(), ParametersError> {
    let path = name.strip_prefix('/');
    let is_path = path.is_some_and(|path| path.split('/').all(|level| !level.is_empty()));
    if is_path || !name.contains('/') || name.starts_with("arn:") {
        return Ok(());
    }
    refused(
        "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it \
         can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix \
         of letters, numbers and the following 3 symbols .-_",
    )
}

/// The names that a name or an ARN can mean: the ARNs of `a` and `/a` are the same.
pub(super) fn candidates(name_or_arn: &str) -> Vec<String> {
    let Some(rest) = name_or_arn.strip_prefix(&arn("ssm", "parameter/")) else {
        return vec![name_or_arn.to_owned()];
    };
    if rest.contains('/') {
        vec![format!("/{rest}")]
    } else {
        vec![rest.to_owned(), format!("/{rest}")]
    }
}

/// A name or an ARN, and the version or label behind it (`name:3`, `name:live`).
pub(super) fn split_selector(reference: &str) -> (&str, Option<&str>) {
    let start = reference.rfind('/').unwrap_or_default();
    let resource = reference.get(start..).unwrap_or_default();
    match resource.find(':') {
        Some(at) => {
            let (name, selector) = reference.split_at(start + at);
            (name, selector.strip_prefix(':'))
        }
        None => (reference, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_or_full_paths() {
        for name in ["plain", "/shop", "/shop/api/URL_2", "a.b-c"] {
            assert!(check(name).is_ok(), "{name}");
        }
        let deep = "/a".repeat(16);
        for name in [
            "",
            "/",
            "shop/api",
            "/shop/",
            "/shop//api",
            "a b",
            "a:1",
            "aws-x",
            "/AWS/x",
            "/ssm",
            &deep,
        ] {
            assert!(check(name).is_err(), "{name}");
        }
    }

    #[test]
    fn selectors_come_behind_names_and_arns() {
        for (reference, name, selector) in [
            ("plain", "plain", None),
            ("plain:3", "plain", Some("3")),
            ("/shop/url:live", "/shop/url", Some("live")),
            (
                "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url",
                "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url",
                None,
            ),
            (
                "arn:aws:ssm:us-east-1:000000000000:parameter/url:2",
                "arn:aws:ssm:us-east-1:000000000000:parameter/url",
                Some("2"),
            ),
        ] {
            assert_eq!(split_selector(reference), (name, selector));
        }
    }

    #[test]
    fn an_arn_may_mean_two_names() {
        let arn = |rest: &str| format!("arn:aws:ssm:us-east-1:000000000000:parameter/{rest}");
        assert_eq!(candidates(&arn("shop/url")), ["/shop/url"]);
        assert_eq!(candidates(&arn("url")), ["url", "/url"]);
        assert_eq!(candidates("/url"), ["/url"]);
    }

    #[test]
    fn what_is_no_path_is_not_looked_for() {
        let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url";
        for name in ["url", "/url", "/shop/url", arn] {
            assert!(check_readable(name).is_ok(), "{name}");
        }
        for name in ["shop/url", "/shop//url", "/", "/shop/"] {
            assert!(check_readable(name).is_err(), "{name}");
        }
    }
}
