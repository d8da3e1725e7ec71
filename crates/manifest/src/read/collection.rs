//! Arrays, and tables whose keys the user chooses.

use schemars::{Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use crate::diagnostic::Diagnostic;
use crate::read::declare::Described;
use crate::read::node::{At, Node, Read, Sink};
use crate::read::table::child;
use crate::read::word::Word;
use crate::source::Span;
use crate::suggest::quoted;

/// An array; entries that could not be read are left out.
#[derive(Debug, Clone)]
pub(crate) struct List<T>(pub(crate) Vec<At<T>>);

impl<T: Clone> List<T> {
    pub(crate) fn values(&self) -> Vec<T> {
        self.0.iter().map(|entry| entry.value.clone()).collect()
    }
}

impl<T: Read> Read for List<T> {
    fn expected() -> String {
        format!("an array, each entry {}", T::expected())
    }

    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self> {
        let DeValue::Array(entries) = node.value else {
            sink.push(
                node.wrong_type(&Self::expected())
                    .help("write it in brackets: [...]"),
            );
            return None;
        };
        let mut list = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let node = Node {
                value: entry.get_ref(),
                span: entry.span(),
                key_span: entry.span(),
                path: format!("{}[{index}]", node.path),
            };
            if let Some(value) = T::read(&node, sink) {
                list.push(At {
                    value,
                    span: node.span,
                });
            }
        }
        Some(Self(list))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<Described<T>>();
        json_schema!({ "type": "array", "items": items })
    }
}

/// A table from names that the user chose, in the order of the text.
#[derive(Debug, Clone)]
pub(crate) struct Map<K, V> {
    pub(crate) entries: Vec<MapEntry<K, V>>,
}

/// An entry of a [`Map`].
#[derive(Debug, Clone)]
pub(crate) struct MapEntry<K, V> {
    pub(crate) name: K,
    pub(crate) name_span: Span,
    pub(crate) value: V,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<K: Word, V> Map<K, V> {
    pub(crate) fn get(&self, name: &K) -> Option<&MapEntry<K, V>> {
        self.entries.iter().find(|entry| entry.name == *name)
    }
}

impl<K: Word, V: Read> Read for Map<K, V> {
    fn expected() -> String {
        format!("a table in which each value is {}", V::expected())
    }

    fn read(node: &Node<'_>, sink: &mut Sink) -> Option<Self> {
        let DeValue::Table(table) = node.value else {
            sink.push(node.wrong_type("a table"));
            return None;
        };
        let mut entries = Vec::new();
        for (key, value) in table.iter() {
            let text = key.get_ref();
            let name = K::parse(text).map_err(|reason| {
                sink.push(
                    Diagnostic::error(format!("{} is not {}", quoted(text), K::EXPECTED))
                        .at(&key.span(), reason),
                );
            });
            let value = V::read(&child(&node.path, key, value), sink);
            if let (Ok(name), Some(value)) = (name, value) {
                entries.push(MapEntry {
                    name,
                    name_span: key.span(),
                    value,
                });
            }
        }
        Some(Self { entries })
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<Described<V>>();
        let names = K::name_schema();
        json_schema!({
            "type": "object",
            "propertyNames": names,
            "additionalProperties": values,
        })
    }

    fn over(&self, base: &Self) -> Self {
        let kept = base
            .entries
            .iter()
            .filter(|entry| self.get(&entry.name).is_none());
        Self {
            entries: kept.chain(&self.entries).cloned().collect(),
        }
    }
}
