//! The API's process: `./api` serves, `./api migrate` is the job that runs before a release.

use std::process::ExitCode;

use shop_api::{Api, migrate};
use shop_common::{Fault, log};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => shop_common::run("api", async |context| {
            // The token itself is a secret: only whether it is there may be written.
            match std::env::var_os("PAYMENT_TOKEN") {
                Some(_) => log::info("payments are on: PAYMENT_TOKEN is set"),
                None => log::info("payments are off: PAYMENT_TOKEN is not set"),
            }
            let api = Api::new(context.upstream("catalog")?, context.upstream("store")?);
            context.serve(api).await
        }),
        Some("migrate") => shop_common::process::run_job("migrate", async |context| {
            if context.settings.fault == Fault::FailMigrate {
                return Err("the migration failed, as SHOP_FAULT says".into());
            }
            log::info(migrate::run(&context.upstream("store")?).await?);
            Ok(())
        }),
        Some(other) => {
            log::warn(format_args!(
                "unknown command `{other}`: there is `migrate`, or none"
            ));
            ExitCode::from(2)
        }
    }
}
