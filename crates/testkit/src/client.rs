//! One command's view of the world: every call passes here, and can go wrong here.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seaway_ports::{PortError, PortErrorKind};
use tokio::sync::Notify;

use crate::fault::{Failure, Moment};
use crate::locks::Observation;
use crate::world::{State, World};

/// How long a call is under way.
const LATENCY: Duration = Duration::from_millis(5);

/// Implements every port on a [`World`]. Clones are the same command.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) world: World,
    pub(crate) number: u32,
    gate: Arc<Gate>,
    pub(crate) observation: Arc<Mutex<Option<Observation>>>,
}

#[derive(Debug, Default)]
struct Gate {
    calls: AtomicUsize,
    killed_at: Mutex<Option<(usize, Moment)>>,
    killed: AtomicBool,
    death: Notify,
}

impl Client {
    pub(crate) fn new(world: World, number: u32) -> Self {
        Self {
            world,
            number,
            gate: Arc::default(),
            observation: Arc::default(),
        }
    }

    /// The command dies in its call number `call`, counted from 0: from then on none of its calls
    /// arrives or returns.
    pub fn kill_at(&self, call: usize, moment: Moment) {
        let mut at = self
            .gate
            .killed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *at = Some((call, moment));
    }

    /// Returns when the command has died.
    pub async fn died(&self) {
        while !self.gate.killed.load(Ordering::SeqCst) {
            self.gate.death.notified().await;
        }
    }

    /// How many calls this command has made.
    pub fn calls(&self) -> usize {
        self.gate.calls.load(Ordering::SeqCst)
    }

    /// Makes a call.
    pub(crate) async fn call<T>(
        &self,
        name: impl Into<String>,
        act: impl FnOnce(&mut State) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let name = name.into();
        let number = self.gate.calls.fetch_add(1, Ordering::SeqCst);
        self.survive(number, Moment::Before).await;
        tokio::time::sleep(LATENCY).await;
        self.survive(number, Moment::Before).await;
        let fault = self.fault(&name);
        if let Some(Failure::Refused(kind)) = fault {
            return Err(PortError::new(kind, &name, "refused by the test"));
        }
        let result = {
            let mut state = self.world.fresh();
            state.calls.push(name.clone());
            act(&mut state)
        };
        self.survive(number, Moment::After).await;
        match fault {
            Some(Failure::Lost) => Err(PortError::new(
                PortErrorKind::Unavailable,
                &name,
                "the answer got lost",
            )),
            _ => result,
        }
    }

    /// The fault that this call meets; it counts as met.
    fn fault(&self, name: &str) -> Option<Failure> {
        let mut state = self.world.fresh();
        let mut met = None;
        for fault in &mut state.faults {
            if met.is_some() || fault.times == 0 || !name.starts_with(&fault.call) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times -= 1;
            met = Some(fault.how);
        }
        met
    }

    /// Returns unless the command is dead, or dies now.
    async fn survive(&self, call: usize, moment: Moment) {
        let due = *self
            .gate
            .killed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if due == Some((call, moment)) {
            self.gate.killed.store(true, Ordering::SeqCst);
            self.gate.death.notify_one();
        }
        if self.gate.killed.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}
