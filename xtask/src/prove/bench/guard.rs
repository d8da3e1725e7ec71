//! No platform outlives its proof: a panic drops the stage, and Ctrl-C comes here.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use super::process;

static STAGES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static LISTENING: Once = Once::new();

/// Exit code of a process that was interrupted, as shells report it.
const INTERRUPTED: i32 = 130;

/// From now on an interrupt ends the processes of the stage in `root`, too.
pub(crate) fn watch(root: &Path) {
    LISTENING.call_once(|| {
        thread::spawn(listen);
    });
    STAGES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(root.to_owned());
}

/// The stage has ended by itself.
pub(crate) fn forget(root: &Path) {
    STAGES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|stage| stage != root);
}

fn listen() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    runtime.block_on(async {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        let stages = STAGES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for root in stages {
            end_all(&root);
            // Nobody is left who could use it; what cannot be removed stays for the system to clean.
            let _ = std::fs::remove_dir_all(&root);
        }
        std::process::exit(INTERRUPTED);
    });
}

/// Kills every process of the stage in `root`, and what they start meanwhile.
pub(crate) fn end_all(root: &Path) {
    const ROUNDS: u32 = 50;
    for _ in 0..ROUNDS {
        let left = process::of_stage(root);
        if left.is_empty() {
            return;
        }
        left.iter()
            .for_each(|process| process::kill_now(process.pid));
        thread::sleep(std::time::Duration::from_millis(20));
    }
}
