//! One connection of a platform: requests in, replies and events out, never blocking.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::getuid;
use serde::Serialize;

use super::journal::Journal;
use super::state::State;
use crate::event::EventCursor;
use crate::protocol::{FRAME_LIMIT, PROTOCOL, Refusal, Reply, Request, frame};

/// How much of the journal is read ahead for a listener.
const PAGE: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// How much of `output` has been sent.
    sent: usize,
    /// The place in the journal up to which a listener has got everything.
    place: Option<u64>,
    greeted: bool,
    /// Nothing more is read; closed once everything is sent.
    ending: bool,
}

impl Connection {
    /// Takes a connection in, if it comes from the same user.
    pub(super) fn accept(stream: UnixStream) -> io::Result<Option<Self>> {
        if getsockopt(&stream, PeerCredentials)?.uid() != getuid().as_raw() {
            return Ok(None);
        }
        stream.set_nonblocking(true)?;
        Ok(Some(Self {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            place: None,
            greeted: false,
            ending: false,
        }))
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// What to wait for. While something is unsent, no further request is read.
    pub(super) fn interest(&self) -> PollFlags {
        if self.output.is_empty() {
            PollFlags::POLLIN
        } else {
            PollFlags::POLLOUT
        }
    }

    /// Reads, answers and sends as far as it goes. False: the connection is over.
    pub(super) fn proceed(&mut self, state: &mut State) -> bool {
        self.receive() && self.turn(state)
    }

    /// Sends what has become known since. False: the connection is over.
    pub(super) fn turn(&mut self, state: &mut State) -> bool {
        loop {
            if !self.output.is_empty() {
                match self.send() {
                    Ok(true) => {}
                    Ok(false) => return true,
                    Err(_) => return false,
                }
            }
            if self.ending {
                return false;
            }
            if let Some(place) = self.place {
                match self.read_journal(&state.journal, place) {
                    Ok(0) => return true,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(%error, "the journal cannot be read");
                        return false;
                    }
                }
            } else if !self.take_request(state) {
                return true;
            }
        }
    }

    /// The journal was shortened by `cut` bytes, and its events begin at `first`. False: what this
    /// listener should get next is gone; it has to ask again, and learns what it missed.
    pub(super) fn journal_moved(&mut self, cut: u64, first: u64) -> bool {
        match &mut self.place {
            Some(place) if *place < cut + first => false,
            Some(place) => {
                *place -= cut;
                true
            }
            None => true,
        }
    }

    fn receive(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        while self.output.is_empty() && !self.ending {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => self.input.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
            if self.input.len() > FRAME_LIMIT && !self.input.contains(&b'\n') {
                self.refuse(Refusal::Malformed {
                    why: "the request is too large".to_owned(),
                });
            } else if self.place.is_some() {
                // A listener has nothing to say.
                self.input.clear();
            } else if self.input.len() > FRAME_LIMIT {
                return true;
            }
        }
        true
    }

    /// Answers the next request, if one has arrived whole.
    fn take_request(&mut self, state: &mut State) -> bool {
        let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
            return false;
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        let request = match serde_json::from_slice(&line) {
            Ok(request) => request,
            // The parser's message could quote a secret.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let why = format!("no request (line {line}, column {column})");
                let refusal = Refusal::Malformed { why };
                if self.greeted {
                    // A newer platform may ask for what this supervisor does not know.
                    self.push(&Reply::Refused(refusal));
                } else {
                    self.refuse(refusal);
                }
                return true;
            }
        };
        match request {
            Request::Hello { protocol } => self.greeted = protocol == PROTOCOL,
            _ if !self.greeted => {
                self.refuse(Refusal::Malformed {
                    why: "not greeted".to_owned(),
                });
                return true;
            }
            Request::Subscribe { after } => {
                self.subscribe(&state.journal, &after);
                return true;
            }
            _ => {}
        }
        let reply = state.answer(request);
        self.push(&reply);
        true
    }

    fn subscribe(&mut self, journal: &Journal, after: &EventCursor) {
        match journal.place_after(after) {
            Ok(place) => {
                self.place = Some(place);
                let journal_id = journal.id().to_owned();
                self.push(&Reply::Subscribed {
                    journal: journal_id,
                    oldest: journal.oldest(),
                });
            }
            Err(error) => self.refuse(Refusal::Records {
                why: error.to_string(),
            }),
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.push(&Reply::Refused(refusal));
        self.ending = true;
    }

    fn push(&mut self, value: &impl Serialize) {
        match frame(value) {
            Ok(line) => self.output.extend_from_slice(&line),
            Err(error) => {
                tracing::error!(%error, "a reply cannot be written");
                self.ending = true;
            }
        }
    }

    fn read_journal(&mut self, journal: &Journal, place: u64) -> io::Result<usize> {
        let bytes = journal.read(place, PAGE)?;
        self.place = Some(place + bytes.len() as u64);
        self.output.extend_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// True: everything is sent.
    fn send(&mut self) -> io::Result<bool> {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output = Vec::new();
        self.sent = 0;
        Ok(true)
    }
}
