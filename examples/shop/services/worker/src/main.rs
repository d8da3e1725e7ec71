//! The worker: ships the orders that the API placed. It listens on no port; the platform knows it
//! by its process alone.

mod shipping;

use std::process::ExitCode;
use std::time::Duration;

use shop_common::{Fault, log};

/// Pause between two looks at the store.
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    shop_common::run("worker", async |mut context| {
        let mut shipping = shipping::Shipping::new(context.upstream("store")?);
        let slow = match context.settings.fault {
            Fault::Slow(delay) => delay,
            _ => Duration::ZERO,
        };
        log::info("waiting for orders");
        loop {
            // What was begun is finished: the end is only looked at between two rounds.
            match shipping.round().await {
                Ok(0) => {}
                Ok(count) => log::info(format_args!("orders shipped: {count}")),
                Err(error) => log::error("will try again", &error),
            }
            tokio::select! {
                () = context.shutdown.requested() => break,
                () = tokio::time::sleep(PAUSE + slow) => {}
            }
        }
        log::info("ended: nothing is half done");
        Ok(())
    })
}
