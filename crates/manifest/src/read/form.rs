//! The forms of text that stay text: paths, patterns, numbers in quotes.

use globset::Glob;
use seaway_core::name::ServiceName;

use crate::read::word::Word;

/// Declares texts that stay texts once they are known to have their form.
macro_rules! words {
    ($(
        $(#[$doc:meta])+
        $name:ident, $expected:literal $(, pattern $pattern:literal)? => $check:expr;
    )+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) String);

        impl Word for $name {
            const EXPECTED: &'static str = $expected;
            $(const PATTERN: Option<&'static str> = Some($pattern);)?

            fn parse(text: &str) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }
    )+};
}

words! {
    /// A file or directory of the repository.
    RepoPath, "a path inside the repository, relative to the manifest" => inside;
    /// A file, directory or pattern of the repository.
    RepoPattern, "a path or pattern inside the repository, relative to the manifest" => |text| {
        inside(text)?;
        Glob::new(text).map(|_| ()).map_err(|error| error.kind().to_string())
    };
    /// A path inside a container.
    ContainerPath, "an absolute path inside the container", pattern "^/" => |text| {
        let is_plain = text.split('/').all(|part| part != "..") && !has_control(text);
        demand(text.starts_with('/') && text.len() > 1 && is_plain, "no such path")
    };
    /// What a load balancer matches a request's path with: at most 128 of the characters that
    /// Elastic Load Balancing allows in path conditions.
    PathPattern, "a path pattern such as \"/api/*\"", pattern "^/" => |text| {
        demand(text.starts_with('/'), "a path starts with `/`")?;
        demand(text.len() <= 128, "longer than 128 characters")?;
        demand(text.chars().all(|c| is_word(c) || "-.$/~\"'@:+&*?".contains(c)), PATH_CHARACTERS)
    };
    /// What a load balancer matches a request's host with (Elastic Load
    /// Balancing, host conditions).
    HostPattern, "a host name or pattern such as \"*.example.com\"" => |text| {
        demand(!text.is_empty() && text.len() <= 128, "empty or longer than 128 characters")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.*?".contains(c);
        demand(text.chars().all(fits), "hosts hold only letters, digits, `-`, `.`, `*` and `?`")
    };
    /// A path that is requested by health checks.
    CheckPath, "a path such as \"/health\"", pattern "^/" => |text| {
        let fits = |c: char| c.is_ascii_graphic();
        demand(text.starts_with('/'), "a path starts with `/`")?;
        demand(text.len() <= 1024 && text.chars().all(fits), "too long, or not plain ASCII")
    };
    /// Status codes that pass a health check: 200 to 499, as for an application load balancer.
    StatusCodes, "status codes from 200 to 499 such as \"200\" or \"200-299,301\"",
        pattern "^[0-9,-]+$" => |text| {
        let fits = text.split(',').all(is_code_range);
        demand(fits, "not a list of codes and ranges")
    };
    /// The name of an environment variable.
    VariableName, "a variable name of letters, digits and underscores",
        pattern "^[A-Za-z_][A-Za-z0-9_]*$" => |text| {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        demand(starts, "starts with a letter or an underscore")?;
        demand(text.chars().all(is_word), "holds only letters, digits and underscores")
    };
    /// The name of a volume.
    VolumeName, "a volume name of lower-case letters, digits and hyphens",
        pattern "^[a-z][a-z0-9-]*$" => |text| {
        // A volume's name obeys the same rule as a service's.
        text.parse::<ServiceName>().map(|_| ()).map_err(|reason| reason.to_string())
    };
    /// The number of an AWS account.
    Account, "the twelve digits of an AWS account, in quotes", pattern "^[0-9]{12}$" => |text| {
        let fits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        demand(fits, "not twelve digits")
    };
    /// The code of an AWS region.
    Region, "an AWS region such as \"us-east-1\"",
        pattern "^[a-z]{2}(-[a-z]+)+-[0-9]+$" => |text| {
        demand(is_region(text), "no region looks like this")
    };
    /// Where the AWS APIs answer instead of AWS.
    EndpointUrl, "an http or https URL", pattern "^https?://" => |text| {
        demand(is_url(text), "not a URL")
    };
}

const PATH_CHARACTERS: &str =
    "load balancers allow letters, digits and _ - . $ / ~ \" ' @ : + & * ? in a path";

pub(crate) fn demand(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// What the text alone can tell; links are followed in [`crate::tree`].
fn inside(text: &str) -> Result<(), String> {
    demand(!text.is_empty(), "an empty path")?;
    demand(!has_control(text), "holds control characters")?;
    demand(!text.contains('\\'), "paths are written with `/`")?;
    demand(
        !text.starts_with('/') && !text.starts_with('~'),
        "an absolute path",
    )?;
    let mut depth = 0_i64;
    for part in text.split('/') {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        demand(depth >= 0, "leaves the repository")?;
    }
    Ok(())
}

fn is_code_range(text: &str) -> bool {
    let code = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|code| text.len() == 3 && (200..500).contains(code))
    };
    match text.split_once('-') {
        None => code(text).is_some(),
        Some((from, to)) => code(from)
            .zip(code(to))
            .is_some_and(|(from, to)| from <= to),
    }
}

/// Two letters, one or more words and a number, joined by hyphens.
fn is_region(text: &str) -> bool {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [area, places @ .., number] => {
            area.len() == 2
                && is_word(area)
                && !places.is_empty()
                && places.iter().all(|place| is_word(place))
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts<T: Word>(texts: &[&str]) {
        for text in texts {
            assert!(T::parse(text).is_ok(), "{text:?} is {}", T::EXPECTED);
        }
    }

    fn refuses<T: Word>(texts: &[&str]) {
        for text in texts {
            assert!(T::parse(text).is_err(), "{text:?} is not {}", T::EXPECTED);
        }
    }

    #[test]
    fn paths_stay_inside() {
        accepts::<RepoPath>(&["services/api", ".", "a/../b", "./a", "\u{e9}t\u{e9}"]);
        refuses::<RepoPath>(&[
            "",
            "/a",
            "~/a",
            "..",
            "a/../..",
            "a/../../a",
            "a\\b",
            "a\nb",
        ]);
        accepts::<RepoPattern>(&["packages/**", "*.lock", "src/{a,b}"]);
        refuses::<RepoPattern>(&["../**", "src/[a"]);
        accepts::<ContainerPath>(&["/data"]);
        refuses::<ContainerPath>(&["data", "/", "/data/../etc"]);
    }

    #[test]
    fn routes_and_checks_are_what_a_load_balancer_takes() {
        accepts::<PathPattern>(&["/*", "/api/v?/*"]);
        refuses::<PathPattern>(&["", "api", "/a b", "/\u{e9}"]);
        refuses::<PathPattern>(&[format!("/{}", "a".repeat(128)).as_str()]);
        accepts::<HostPattern>(&["example.com", "*.example.com"]);
        refuses::<HostPattern>(&["", "example.com:80", "a/b"]);
        accepts::<StatusCodes>(&["200", "200-299,301"]);
        refuses::<StatusCodes>(&["", "20", "100", "500", "299-200", "200,", "200-"]);
    }

    #[test]
    fn aws_words_are_plausible() {
        accepts::<Region>(&["us-east-1", "us-gov-west-1", "ap-southeast-2"]);
        refuses::<Region>(&["", "useast1", "us-1", "us--1", "us-east-", "US-EAST-1"]);
        accepts::<Account>(&["012345678901"]);
        refuses::<Account>(&["12345", "1234567890123", "12345678901a"]);
        accepts::<EndpointUrl>(&["http://127.0.0.1:4566", "https://aws.example.com/"]);
        refuses::<EndpointUrl>(&["127.0.0.1:4566", "http://", "ftp://a", "http://a b"]);
    }

    #[test]
    fn secrets_are_a_name_and_perhaps_a_key() {
        use seaway_core::environment::SecretRef;
        accepts::<SecretRef>(&["database", "prod/database#url"]);
        refuses::<SecretRef>(&["", "#url", "database#", "database#a#b", "arn:aws:x", "a b"]);
        let read = SecretRef::parse("database#url").expect("a name and a key");
        assert_eq!(
            (read.secret.as_str(), read.key.as_deref()),
            ("database", Some("url"))
        );
    }

    #[test]
    fn variables_are_named_as_shells_name_them() {
        accepts::<VariableName>(&["A", "_a1", "LOG_LEVEL"]);
        refuses::<VariableName>(&["", "1A", "A-B", "A=B", "\u{c4}"]);
    }
}
