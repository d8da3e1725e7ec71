//! The store's process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use shop_common::log;
use shop_store::{Shelf, ShelfError, Store};
use tokio::time::{Instant, sleep};

/// How long a store that is ending may still hold the volume; platforms kill it after 30 s.
const PATIENCE: Duration = Duration::from_secs(35);

fn main() -> ExitCode {
    shop_common::run("store", async |context| {
        let mut shutdown = context.shutdown.clone();
        let shelf = tokio::select! {
            () = shutdown.requested() => return Ok(()),
            shelf = open(volume()) => shelf?,
        };
        context.serve(Store::new(shelf)).await
    })
}

/// Where the volume `data` is: processes of the local platform are told its directory on the host,
/// containers have it mounted at the path that the manifest names.
fn volume() -> PathBuf {
    std::env::var_os("SEAWAY_VOLUME_DATA").map_or_else(|| PathBuf::from("/data"), PathBuf::from)
}

/// Opens the volume, waiting for a store that is still ending.
async fn open(volume: PathBuf) -> Result<Shelf, ShelfError> {
    log::info(format_args!("volume is {}", volume.display()));
    let start = Instant::now();
    loop {
        match Shelf::open(&volume) {
            Err(ShelfError::Held { .. }) if start.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(50)).await;
            }
            result => return result,
        }
    }
}
