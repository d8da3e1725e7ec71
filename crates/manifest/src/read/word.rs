//! Text with a form, checked once and carried as its own type: names, references, choices. Those
//! that stay text are in [`super::form`].

use schemars::{Schema, SchemaGenerator, json_schema};
use seaway_core::environment::{Class, SecretRef};
use seaway_core::name::{EnvironmentName, JobName, ProjectName, ServiceName, SiteName};
use toml::de::DeValue;

use crate::read::form::{demand, has_control, is_word};
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
