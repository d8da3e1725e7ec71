//! The JSON Schema of `seaway.toml`, for editors and other tools. Committed as
//! `docs/reference/seaway.schema.json`; a test compares.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::read::Described;
use crate::tables::ManifestTable;

/// The schema as a document, keys in alphabetical order.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Described<ManifestTable>>();
    schema.insert("title".into(), "seaway.toml".into());
    let mut document = schema.to_value();
    document.sort_all_objects();
    document
}

/// The schema as it is committed and printed.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Run with `SEAWAY_WRITE_SCHEMA=1` to write the file instead of comparing it.
    #[test]
    fn the_committed_schema_is_the_one_that_the_reader_follows() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/seaway.schema.json"
        );
        if std::env::var_os("SEAWAY_WRITE_SCHEMA").is_some() {
            std::fs::write(file, schema_text()).expect("the schema can be written");
        }
        let committed = std::fs::read_to_string(file).expect("the schema is committed");
        assert!(
            committed == schema_text(),
            "{file} is not current: run `SEAWAY_WRITE_SCHEMA=1 cargo test -p seaway-manifest`"
        );
    }
}
