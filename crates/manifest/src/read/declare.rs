//! Tables with known keys. [`table!`] is the one place where a key is declared: its type, bounds,
//! documentation, default and whether it is required. The reader and the JSON Schema follow.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::read::node::Read;
use crate::read::table::TableReader;

/// A key of a table, as declared.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) is_required: bool,
    description: String,
    default: Option<Value>,
    pub(crate) examples: Vec<Value>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Key {
    pub(crate) fn new<T: Read>(name: &'static str, doc: &[&str]) -> Self {
        Self {
            name,
            is_required: false,
            description: prose(doc),
            default: None,
            examples: Vec::new(),
            schema: |generator| generator.subschema_for::<Described<T>>(),
        }
    }

    pub(crate) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub(crate) fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    pub(crate) fn example(mut self, value: impl Into<Value>) -> Self {
        self.examples.push(value.into());
        self
    }
}

/// The keys of a table, or of a part of one that several tables share.
pub(crate) trait Fields: Sized {
    fn keys() -> Vec<Key>;
    fn take(table: &mut TableReader<'_, '_>) -> Self;
}

/// The schema of a table with these keys and no others.
pub(crate) fn object(generator: &mut SchemaGenerator, doc: &[&str], keys: &[Key]) -> Schema {
    let mut properties = serde_json::Map::new();
    for key in keys {
        let mut schema = (key.schema)(generator);
        schema.insert("description".into(), key.description.clone().into());
        if let Some(default) = &key.default {
            schema.insert("default".into(), default.clone());
        }
        if !key.examples.is_empty() {
            schema.insert("examples".into(), key.examples.clone().into());
        }
        properties.insert(key.name.to_owned(), schema.to_value());
    }
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| key.is_required)
        .map(|key| key.name)
        .collect();
    let mut schema = schemars::json_schema!({
        "type": "object",
        "description": prose(doc),
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    schema
}

/// Doc comment lines as one line of text; an empty line is a paragraph.
fn prose(doc: &[&str]) -> String {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    let paragraphs = lines
        .split(|line| line.is_empty())
        .map(|lines| lines.join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// Lets schemars name and share the definitions of what the manifest reads.
pub(crate) struct Described<T>(PhantomData<T>);

impl<T: Read> JsonSchema for Described<T> {
    fn inline_schema() -> bool {
        T::TITLE.is_none()
    }

    fn schema_name() -> Cow<'static, str> {
        T::TITLE.unwrap_or(std::any::type_name::<T>()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

/// Declares a table of the manifest: a struct of [`Field`]s with reader, overlay and schema.
///
/// The text in the first line is the table's noun in messages. `name: Type, facet(value);` declares
/// a key; facets are the methods of [`Key`]. `include name: Type;` takes in the keys of another
/// table that is declared by this macro.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        struct $name:ident is $noun:literal {
            $(include $part:ident : $part_type:ty;)?
            $(
                $(#[doc = $key_doc:literal])+
                $key:ident : $type:ty $(, $facet:ident($($value:expr)?))*;
            )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Default)]
        pub(crate) struct $name {
            $(pub(crate) $part: $part_type,)?
            $(
                $(#[doc = $key_doc])+
                pub(crate) $key: $crate::read::Field<$type>,
            )*
        }

        impl $crate::read::Fields for $name {
            fn keys() -> Vec<$crate::read::Key> {
                let own = vec![$(
                    $crate::read::Key::new::<$type>(stringify!($key), &[$($key_doc),+])
                        $(.$facet($($value)?))*,
                )*];
                let included: [Vec<$crate::read::Key>; _] =
                    [$(<$part_type as $crate::read::Fields>::keys())?];
                own.into_iter().chain(included.into_iter().flatten()).collect()
            }

            fn take(table: &mut $crate::read::TableReader<'_, '_>) -> Self {
                Self {
                    $($part: <$part_type as $crate::read::Fields>::take(table),)?
                    $($key: table.field(stringify!($key)),)*
                }
            }
        }

        impl $crate::read::Read for $name {
            const TITLE: Option<&'static str> = Some(stringify!($name));

            fn expected() -> String {
                let keys: Vec<_> = <Self as $crate::read::Fields>::keys();
                let names = $crate::suggest::listed(keys.iter().map(|key| key.name));
                format!("a table with the keys {names}")
            }

            fn read(
                node: &$crate::read::Node<'_>,
                sink: &mut $crate::read::Sink,
            ) -> Option<Self> {
                let keys = <Self as $crate::read::Fields>::keys();
                let mut table = $crate::read::TableReader::open(node, $noun, keys, sink)?;
                Some(<Self as $crate::read::Fields>::take(&mut table))
            }

            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let keys = <Self as $crate::read::Fields>::keys();
                $crate::read::object(generator, &[$($doc),+], &keys)
            }

            fn over(&self, base: &Self) -> Self {
                Self {
                    $($part: self.$part.over(&base.$part),)?
                    $($key: self.$key.over(&base.$key),)*
                }
            }
        }
    };
}
pub(crate) use table;
