//! The state that all clients of one world share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seaway_core::desired::{DesiredService, Document, RevisionId};
use seaway_core::digest::{Digest, ImageRef};
use seaway_core::name::{JobName, ServiceName};
use seaway_core::release::{Release, ReleaseId};
use seaway_core::time::Timestamp;
use seaway_ports::Checks;

use crate::client::Client;
use crate::clock::PausedClock;
use crate::fault::{Behaviour, CallFault, JobBehaviour};
use crate::images::image;
use crate::jobs::JobRun;
use crate::locks::LockSlot;
use crate::service::RunningService;

/// A platform, its registry, its ledger and its lock.
#[derive(Debug, Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
    clock: Arc<PausedClock>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    /// What the working tree holds: each service's contents by a name.
    pub(crate) sources: BTreeMap<ServiceName, String>,
    pub(crate) build_time: Duration,
    pub(crate) built: BTreeSet<ImageRef>,
    pub(crate) registry: BTreeSet<ImageRef>,
    pub(crate) behaviours: BTreeMap<Digest, Behaviour>,
    pub(crate) revisions: Vec<(RevisionId, DesiredService)>,
    pub(crate) services: BTreeMap<ServiceName, RunningService>,
    pub(crate) unreadable: BTreeSet<ServiceName>,
    pub(crate) infrastructure: Option<Document>,
    pub(crate) job_behaviours: BTreeMap<JobName, JobBehaviour>,
    pub(crate) jobs: Vec<JobRun>,
    pub(crate) releases: Vec<Release>,
    pub(crate) lock: LockSlot,
    pub(crate) faults: Vec<CallFault>,
    pub(crate) calls: Vec<String>,
    pub(crate) violations: Vec<String>,
    clients: u32,
}

impl World {
    /// An empty world.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new command's view of the world.
    pub fn client(&self) -> Client {
        let number = {
            let mut state = self.state();
            state.clients += 1;
            state.clients
        };
        Client::new(self.clone(), number)
    }

    /// The clock all clients read.
    pub fn clock(&self) -> Arc<PausedClock> {
        Arc::clone(&self.clock)
    }

    /// Changes what the working tree holds for `service`; the same contents build the same image.
    pub fn edit(&self, service: &str, contents: &str) {
        self.state()
            .sources
            .insert(parsed(service), contents.to_owned());
    }

    /// Every build takes this long from now on.
    pub fn builds_take(&self, time: Duration) {
        self.state().build_time = time;
    }

    pub(crate) fn build_time(&self) -> Duration {
        self.state().build_time
    }

    /// What tasks of `service` made from `contents` do.
    pub fn behave(&self, service: &str, contents: &str, behaviour: Behaviour) {
        let digest = image(&parsed(service), contents).digest;
        self.state().behaviours.insert(digest, behaviour);
    }

    /// What tasks of every rollout of `service` so far do from now on, whatever their image.
    pub fn turn(&self, service: &str, behaviour: Behaviour) {
        let mut state = self.fresh();
        let running = state.services.get_mut(&parsed(service));
        for rollout in &mut running.expect("a service that runs").rollouts {
            rollout.behaviour = behaviour;
        }
    }

    /// What `job` does from now on.
    pub fn job_behaves(&self, job: &str, behaviour: JobBehaviour) {
        let job = job.parse().expect("a job's name");
        self.state().job_behaviours.insert(job, behaviour);
    }

    /// Some calls go wrong.
    pub fn fail(&self, fault: CallFault) {
        self.state().faults.push(fault);
    }

    /// From now on every call goes well.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Forgets the broken rules that a test expected.
    pub fn forgive(&self) {
        self.state().violations.clear();
    }

    /// The record of all releases is lost.
    pub fn forget_releases(&self) {
        self.state().releases.clear();
    }

    /// The record of the newest release is there so many times more, under new numbers.
    pub fn repeat_release(&self, times: usize) {
        let mut state = self.state();
        for _ in 0..times {
            let mut again = state.releases.last().expect("a release").clone();
            again.id = ReleaseId(again.id.0 + 1);
            state.releases.push(again);
        }
    }

    /// The registry loses the image of `service` made from `contents`.
    pub fn forget_image(&self, service: &str, contents: &str) {
        let image = image(&parsed(service), contents);
        self.state().registry.remove(&image);
    }

    /// The live state of `service` cannot be read any more.
    pub fn hide(&self, service: &str) {
        self.state().unreadable.insert(parsed(service));
    }

    /// Another command takes the lock over, as if its holder's heartbeat had stopped.
    pub fn steal_lock(&self) {
        self.state().lock.steal();
    }

    /// Whether nobody holds the lock.
    pub fn lock_is_free(&self) -> bool {
        self.state().lock.is_free()
    }

    /// Every release, oldest first.
    pub fn releases(&self) -> Vec<Release> {
        self.state().releases.clone()
    }

    /// The names of all calls that arrived, in order.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// Rules of the ledger and the lock that some call broke; see the module `audit`.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// What is provisioned: the public route of a service.
    pub fn route(&self, service: &str) -> Option<String> {
        let state = self.state();
        let routes = state.infrastructure.as_ref()?.body.get("routes")?;
        routes.get(service)?.as_str().map(str::to_owned)
    }

    /// The path of the health check by which a service's tasks are judged.
    pub fn health_path(&self, service: &str) -> Option<String> {
        let state = self.state();
        let check = state.services.get(&parsed(service))?.check.as_ref()?;
        check.body.get("path")?.as_str().map(str::to_owned)
    }

    /// Whether failing that check ends tasks.
    pub fn checks(&self, service: &str) -> Option<Checks> {
        let state = self.state();
        let service = state.services.get(&parsed(service))?;
        Some(service.checks)
    }

    /// What runs: each service's contents and count of tasks that are wanted, such as `v2 x2`.
    pub fn running(&self) -> BTreeMap<String, String> {
        let mut state = self.fresh();
        let state = &mut *state;
        let shown = |(name, service): (&ServiceName, &RunningService)| {
            let document = state.document(service.primary_revision());
            let contents = document
                .and_then(|document| document.revision.body.get("contents"))
                .and_then(|contents| contents.as_str());
            let contents = contents.unwrap_or("?");
            (name.to_string(), format!("{contents} x{}", service.desired))
        };
        state.services.iter().map(shown).collect()
    }

    /// The state at this moment.
    pub(crate) fn fresh(&self) -> MutexGuard<'_, State> {
        use seaway_ports::Clock as _;
        let now = self.clock.now();
        let mut state = self.state();
        state.advance(now);
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets everything happen that is due.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.now = now;
        for service in self.services.values_mut() {
            service.advance(now);
        }
        self.services.retain(|_, service| !service.vanished);
    }

    /// The document that a revision was registered from.
    pub(crate) fn document(&self, revision: &RevisionId) -> Option<&DesiredService> {
        let found = self.revisions.iter().find(|(id, _)| id == revision);
        found.map(|(_, document)| document)
    }
}

fn parsed(service: &str) -> ServiceName {
    service.parse().expect("a service's name")
}
