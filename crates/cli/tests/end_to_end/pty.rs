//! A command on a terminal of its own: what a person sees and types.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use regex::Regex;

use crate::project::Project;

const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const SIZE: Winsize = Winsize {
    ws_row: 40,
    ws_col: 120,
    ws_xpixel: 0,
    ws_ypixel: 0,
};
/// What a terminal sends for Ctrl-C.
const CTRL_C: &str = "\u{3}";

static SEQUENCES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;?]*[A-Za-z]|\r").expect("a valid pattern"));

/// A terminal with `seaway` in front.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    written: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    words: String,
}

impl Terminal {
    /// Starts `seaway` on a new terminal, with further variables.
    pub(crate) fn start(project: &Project, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let pair = openpty(Some(&SIZE), None).expect("there is room for a terminal");
        let end = || Stdio::from(pair.slave.try_clone().expect("a descriptor"));
        // Makes the terminal the one that Ctrl-C and /dev/tty belong to.
        let mut command = Command::new("setsid");
        project.isolate(&mut command);
        command
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .args(["--ctty", env!("CARGO_BIN_EXE_seaway")])
            .args(words)
            .stdin(end())
            .stdout(end())
            .stderr(end());
        let child = command.spawn().expect("setsid is part of util-linux");
        // The terminal ends with the last process that has it.
        drop((command, pair.slave));
        let mut screen = File::from(pair.master);
        let keyboard = screen.try_clone().expect("a descriptor");
        let written = Arc::new(Mutex::new(vec![]));
        let target = Arc::clone(&written);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                let mut written = target.lock().unwrap_or_else(PoisonError::into_inner);
                written.extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            child,
            keyboard,
            written,
            reader: Some(reader),
            words: words.join(" "),
        }
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) {
        let typed = self.keyboard.write_all(keys.as_bytes());
        typed.expect("the terminal is there");
    }

    pub(crate) fn presses_ctrl_c(&mut self) {
        self.types(CTRL_C);
    }

    /// Everything that was written to the terminal.
    pub(crate) fn raw(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).into_owned()
    }

    /// The same without colours and movements of the cursor.
    pub(crate) fn text(&self) -> String {
        SEQUENCES.replace_all(&self.raw(), "").into_owned()
    }

    /// Waits until `text` is shown.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        let began = Instant::now();
        while !self.text().contains(text) {
            assert!(
                began.elapsed() < DEADLINE,
                "`seaway {}` never shows {text:?}:\n{}",
                self.words,
                self.text()
            );
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Whether the terminal shows what is typed.
    pub(crate) fn echoes(&self) -> bool {
        let settings = tcgetattr(&self.keyboard).expect("a terminal has settings");
        settings.local_flags.contains(LocalFlags::ECHO)
    }

    /// Waits for the end of the command, which must have this exit code and leave the terminal as
    /// it was: what was written is all read then.
    #[track_caller]
    pub(crate) fn ends_with(&mut self, code: i32) {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("the command is waited for") {
                Some(status) => break status,
                None if began.elapsed() > DEADLINE => {
                    panic!("`seaway {}` does not end:\n{}", self.words, self.text())
                }
                None => thread::sleep(LOOK_EVERY),
            }
        };
        assert!(
            self.echoes(),
            "`seaway {}` leaves a blind terminal",
            self.words
        );
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the terminal is read to its end");
        }
        let raw = self.raw();
        assert_eq!(status.code(), Some(code), "{}", self.text());
        assert!(
            raw.ends_with('\n') || raw.ends_with("\u{1b}[J"),
            "the cursor is on a fresh line: {raw:?}"
        );
        assert_eq!(
            raw.matches("\u{1b}[?25l").count(),
            raw.matches("\u{1b}[?25h").count(),
            "the cursor is shown again"
        );
        assert!(!raw.contains("panicked"), "{raw}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Ended already, unless the test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
