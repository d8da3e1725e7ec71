//! The API's program from outside, with the services it uses in the test.

mod ending;
mod faults;
mod migration;
mod selling;

use shop_catalog::Catalog;
use shop_store::{Shelf, Store};
use shop_testing::{Program, Serving};
use tempfile::TempDir;

const API: &str = env!("CARGO_BIN_EXE_api");

/// What the API uses.
struct Shop {
    catalog: Serving,
    store: Serving,
    _volume: TempDir,
}

impl Shop {
    fn open() -> Self {
        let volume = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::open(volume.path()).expect("an empty volume");
        Self {
            catalog: Serving::start("catalog", Catalog::open().expect("products")),
            store: Serving::start("store", Store::new(shelf)),
            _volume: volume,
        }
    }

    fn start_api(&self, variables: &[(&str, &str)]) -> Program {
        start(&[], &self.catalog.url(), &self.store.url(), variables)
    }
}

/// Starts the program where nothing else of the shop runs.
fn start_alone(arguments: &[&str], variables: &[(&str, &str)]) -> Program {
    start(
        arguments,
        "http://127.0.0.1:1",
        "http://127.0.0.1:1",
        variables,
    )
}

fn start(arguments: &[&str], catalog: &str, store: &str, more: &[(&str, &str)]) -> Program {
    let variables = [&[("CATALOG_URL", catalog), ("STORE_URL", store)], more].concat();
    Program::start(API, arguments, &variables)
}
