//! Taking the declared keys out of a table, and complaining about the others.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::read::declare::Key;
use crate::read::node::{At, Field, Node, Read, Sink};
use crate::source::Span;
use crate::suggest::{closest, listed, quoted};

/// A table while its keys are taken out one by one.
pub(crate) struct TableReader<'a, 's> {
    path: &'a str,
    /// What the table describes, such as "a service".
    noun: &'static str,
    /// Where a missing key is reported.
    place: Span,
    entries: &'a DeTable<'a>,
    keys: Vec<Key>,
    /// Keys that are probably there, but not by this name: nobody misses them.
    misspelt: Vec<String>,
    sink: &'s mut Sink,
}

impl<'a, 's> TableReader<'a, 's> {
    /// Opens the table at `node` and complains about the keys that it should not have.
    pub(crate) fn open(
        node: &'a Node<'a>,
        noun: &'static str,
        keys: Vec<Key>,
        sink: &'s mut Sink,
    ) -> Option<Self> {
        let DeValue::Table(entries) = node.value else {
            sink.push(node.wrong_type("a table").note(shape(noun, &keys)));
            return None;
        };
        let place = node.key_span.clone();
        let reader = Self {
            path: &node.path,
            noun,
            place,
            entries,
            keys,
            misspelt: Vec::new(),
            sink,
        };
        Some(reader.refuse_strangers())
    }

    fn refuse_strangers(mut self) -> Self {
        for (stranger, _) in self.entries.iter() {
            let word = stranger.get_ref().as_ref();
            if self.keys.iter().any(|key| key.name == word) {
                continue;
            }
            let meant = closest(word, self.keys.iter().map(|key| key.name));
            let place = match self.path {
                "" => "at the top level".to_owned(),
                path => format!("in {}", quoted(path)),
            };
            self.sink.push(
                Diagnostic::error(format!("unknown key {} {place}", quoted(word)))
                    .at(&stranger.span(), format!("not a key of {}", self.noun))
                    .note(shape(self.noun, &self.keys))
                    .suggest(meant.clone()),
            );
            self.misspelt.extend(meant);
        }
        self
    }

    /// The value under `name`; complains if it is required and not there.
    pub(crate) fn field<T: Read>(&mut self, name: &'static str) -> Field<T> {
        match self.entries.get_key_value(name) {
            Some((key, value)) => self.read(key, value),
            None if self.misspelt.iter().any(|meant| meant == name) => Field::Invalid,
            None if self
                .keys
                .iter()
                .any(|key| key.name == name && key.is_required) =>
            {
                self.complain_missing::<T>(name);
                Field::Invalid
            }
            None => Field::Absent,
        }
    }

    fn read<T: Read>(
        &mut self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Field<T> {
        let node = child(self.path, key, value);
        match T::read(&node, self.sink) {
            Some(value) => Field::Given(At {
                value,
                span: node.span,
            }),
            None => Field::Invalid,
        }
    }

    fn complain_missing<T: Read>(&mut self, name: &str) {
        let subject = match self.path {
            "" => "the manifest".to_owned(),
            path => quoted(path),
        };
        let mut missing = Diagnostic::error(format!("{subject} needs the key `{name}`"))
            .at(&self.place, format!("`{name}` is missing"))
            .note(format!("`{name}` is {}", T::expected()));
        let key = self.keys.iter().find(|key| key.name == name);
        if let Some(example) = key.and_then(|key| key.examples.first()) {
            missing = missing.help(format!("for example: {name} = {}", as_toml(example)));
        }
        self.sink.push(missing);
    }
}

/// The node of a table's entry.
pub(crate) fn child<'a>(
    path: &str,
    key: &Spanned<DeString<'_>>,
    value: &'a Spanned<DeValue<'a>>,
) -> Node<'a> {
    let separator = if path.is_empty() { "" } else { "." };
    Node {
        value: value.get_ref(),
        span: value.span(),
        key_span: key.span(),
        path: format!("{path}{separator}{}", key.get_ref()),
    }
}

fn shape(noun: &str, keys: &[Key]) -> String {
    format!(
        "{noun} has the keys {}",
        listed(keys.iter().map(|key| key.name))
    )
}

/// Examples are written in JSON, which for strings, numbers and arrays is TOML as well.
fn as_toml(example: &Value) -> String {
    match example {
        Value::Object(fields) => {
            let inside: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{key} = {}", as_toml(value)))
                .collect();
            format!("{{ {} }}", inside.join(", "))
        }
        other => other.to_string(),
    }
}
