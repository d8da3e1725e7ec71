//! The catalog's process.

use std::process::ExitCode;

use shop_catalog::Catalog;

fn main() -> ExitCode {
    shop_common::run("catalog", async |context| {
        context.serve(Catalog::open()?).await
    })
}
