//! Text with a form: paths, patterns, names, account numbers. Each is checked once and carried as
//! its own type.

use globset::Glob;
use schemars::{Schema, SchemaGenerator, json_schema};
use seaway_core::environment::{Class, SecretRef};
use seaway_core::name::{EnvironmentName, JobName, ProjectName, ServiceName, SiteName};
use toml::de::DeValue;

use crate::read::node::{Node, Read, Sink};
use crate::suggest::closest;

/// A text of a certain form.
pub(crate) trait Word: Clone + PartialEq + Sized + 'static {
    /// As it follows "must be".
    const EXPECTED: &'static str;
    /// A regular expression for editors, no stricter than [`Word::parse`].
    const PATTERN: Option<&'static str> = None;
    /// The only allowed words; empty: any of the form.
    const CHOICES: &'static [&'static str] = &[];

    /// The value, or what is wrong, as it stands beside the caret.
    fn parse(text: &str) -> Result<Self, String>;

    /// The schema of a key of this form.
    fn name_schema() -> Schema {
        let mut schema = json_schema!({ "type": "string" });
        if let Some(pattern) = Self::PATTERN {
            schema.insert("pattern".into(), pattern.into());
        }
        if !Self::CHOICES.is_empty() {
            schema.insert("enum".into(), Self::CHOICES.into());
        }
        schema
    }
}

impl<T: Word> Read for T {
    fn expected() -> String {
        T::EXPECTED.to_owned()
    }

    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self> {
        let DeValue::String(text) = node.value else {
            sink.push(node.wrong_type(T::EXPECTED));
            return None;
        };
        match T::parse(text) {
            Ok(word) => Some(word),
            Err(label) => {
                let suggestion = closest(text, T::CHOICES.iter().copied());
                sink.push(node.unfit(T::EXPECTED, label).suggest(suggestion));
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        T::name_schema()
    }
}

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
    /// What a load balancer matches a request's host with (Elastic Load Balancing, host conditions).
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
        let parts: Vec<&str> = text.split('-').collect();
        let fits = match parts.as_slice() {
            [area, places @ .., number] if !places.is_empty() => {
                area.len() == 2
                    && area.bytes().all(|b| b.is_ascii_lowercase())
                    && places.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
                    && !number.is_empty()
                    && number.bytes().all(|b| b.is_ascii_digit())
            }
            _ => false,
        };
        demand(fits, "no region looks like this")
    };
    /// Where the AWS APIs answer instead of AWS.
    EndpointUrl, "an http or https URL", pattern "^https?://" => |text| {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let fits = rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic()));
        demand(fits, "not a URL")
    };
}

const PATH_CHARACTERS: &str =
    "load balancers allow letters, digits and _ - . $ / ~ \" ' @ : + & * ? in a path";

fn demand(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn has_control(text: &str) -> bool {
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

/// Declares names that core checks.
macro_rules! names {
    ($($name:ident, $expected:literal;)+) => {$(
        impl Word for $name {
            const EXPECTED: &'static str = $expected;
            const PATTERN: Option<&'static str> = Some("^[a-z]([a-z0-9-]*[a-z0-9])?$");

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|reason: seaway_core::name::NameError| reason.to_string())
            }
        }
    )+};
}

names! {
    ProjectName, "a project's name";
    ServiceName, "a service's name";
    JobName, "a job's name";
    SiteName, "a site's name";
    EnvironmentName, "an environment's name";
}

impl Word for SecretRef {
    const EXPECTED: &'static str = "a secret's name, or its name and a JSON key: \"database#url\"";

    fn parse(text: &str) -> Result<Self, String> {
        let (secret, key) = match text.split_once('#') {
            None => (text, None),
            Some((secret, key)) => (secret, Some(key)),
        };
        // The characters that Secrets Manager allows in a name, without those of an ARN.
        let fits = |c: char| is_word(c) || "/+=.@-".contains(c);
        demand(
            !secret.is_empty() && secret.chars().all(fits),
            "not a secret's name",
        )?;
        let is_key = key.is_none_or(|key| !key.is_empty() && !key.contains(['#', ':']));
        demand(is_key && !has_control(text), "not a JSON key behind `#`")?;
        Ok(Self {
            secret: secret.to_owned(),
            key: key.map(str::to_owned),
        })
    }
}

/// The kind of platform an environment names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlatformKind {
    Local,
    Ecs,
}

impl Word for PlatformKind {
    const EXPECTED: &'static str = "\"local\" or \"ecs\"";
    const CHOICES: &'static [&'static str] = &["local", "ecs"];

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            "ecs" => Ok(Self::Ecs),
            _ => Err("no platform of Seaway".to_owned()),
        }
    }
}

impl Word for Class {
    const EXPECTED: &'static str = "\"local\", \"develop\", \"test\" or \"production\"";
    const CHOICES: &'static [&'static str] = &["local", "develop", "test", "production"];

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "local" => Ok(Self::Local),
            "develop" => Ok(Self::Develop),
            "test" => Ok(Self::Test),
            "production" => Ok(Self::Production),
            _ => Err("no class of Seaway".to_owned()),
        }
    }
}
