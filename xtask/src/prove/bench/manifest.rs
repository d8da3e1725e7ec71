//! Edits of a stage's `seaway.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{During as _, ProofError};

/// A manifest that is written back after each edit.
#[derive(Debug)]
pub(crate) struct Manifest {
    path: PathBuf,
    table: Table,
}

impl Manifest {
    /// Takes over the manifest at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, ProofError> {
        let text = fs::read_to_string(path).during(format!("read {}", path.display()))?;
        let table = text
            .parse()
            .during(format!("understand {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            table,
        })
    }

    /// Writes a new manifest.
    pub(crate) fn create(path: &Path, table: Table) -> Result<Self, ProofError> {
        let manifest = Self {
            path: path.to_owned(),
            table,
        };
        manifest.write()?;
        Ok(manifest)
    }

    /// Sets a variable of a service.
    pub(crate) fn set_variable(
        &mut self,
        service: &str,
        name: &str,
        value: &str,
    ) -> Result<(), ProofError> {
        let variables = table_in(
            table_in(table_in(&mut self.table, "services"), service),
            "env",
        );
        variables.insert(name.to_owned(), Value::String(value.to_owned()));
        self.write()
    }

    /// Takes a variable of a service away.
    pub(crate) fn unset_variable(&mut self, service: &str, name: &str) -> Result<(), ProofError> {
        table_in(
            table_in(table_in(&mut self.table, "services"), service),
            "env",
        )
        .remove(name);
        self.write()
    }

    /// Sets a key of a service.
    pub(crate) fn set(
        &mut self,
        service: &str,
        key: &str,
        value: impl Into<Value>,
    ) -> Result<(), ProofError> {
        let service = table_in(table_in(&mut self.table, "services"), service);
        service.insert(key.to_owned(), value.into());
        self.write()
    }

    /// Takes the build commands away: what they produce is there already.
    pub(crate) fn forget_builds(&mut self) -> Result<(), ProofError> {
        for (_, service) in table_in(&mut self.table, "services").iter_mut() {
            if let Some(image) = service.get_mut("image").and_then(Value::as_table_mut) {
                image.remove("build");
            }
        }
        self.write()
    }

    fn write(&self) -> Result<(), ProofError> {
        fs::write(&self.path, self.table.to_string())
            .during(format!("write {}", self.path.display()))
    }
}

/// A table's table of that name; made where it is missing, and in place of anything else.
fn table_in<'a>(table: &'a mut Table, name: &str) -> &'a mut Table {
    let entry = table
        .entry(name)
        .or_insert_with(|| Value::Table(Table::new()));
    if !entry.is_table() {
        *entry = Value::Table(Table::new());
    }
    match entry {
        Value::Table(table) => table,
        _ => unreachable!("it was made a table"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_reach_the_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("seaway.toml");
        let text = "[services.api]\nimage = { bundle = [\"x\"], build = \"make\" }\n\
            env = { A = \"1\" }\n[services.worker]\ncpu = 1\n";
        fs::write(&path, text).expect("a file");
        let mut manifest = Manifest::open(&path).expect("a manifest");
        manifest.forget_builds().expect("an edit");
        manifest.set_variable("api", "B", "2").expect("an edit");
        manifest.unset_variable("api", "A").expect("an edit");
        manifest.set_variable("worker", "C", "3").expect("an edit");
        manifest.set("worker", "count", 4).expect("an edit");
        let written: Table = fs::read_to_string(&path)
            .expect("the file")
            .parse()
            .expect("valid TOML");
        let wanted: Table = "[services.api]\nimage = { bundle = [\"x\"] }\nenv = { B = \"2\" }\n\
            [services.worker]\ncpu = 1\nenv = { C = \"3\" }\ncount = 4\n"
            .parse()
            .expect("valid TOML");
        assert_eq!(written, wanted);
    }
}
