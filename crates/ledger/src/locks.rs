//! The port `Locks`: read, decide, write if nobody was faster.

use async_trait::async_trait;
use seaway_core::name::EnvironmentName;
use seaway_ports::{Acquired, Holder, Lease, LockState, Locks, PortError};

use crate::error::LedgerError;
use crate::format;
use crate::ledger::ObjectLedger;
use crate::lock::{Held, LockRecord};
use crate::process::{Fate, ProcessIdentity};
use crate::store::{ObjectStore, Version, Written};

/// Attempts at a conditional write before the caller is told to come back.
const ATTEMPTS: usize = 16;

#[async_trait]
impl<S: ObjectStore> Locks for ObjectLedger<S> {
    async fn try_acquire(
        &self,
        environment: &EnvironmentName,
        holder: &Holder,
    ) -> Result<Acquired, PortError> {
        self.acquire(environment, holder)
            .await
            .map_err(|error| error.at_port(format!("take the lock of {environment}")))
    }

    async fn heartbeat(&self, lease: &Lease) -> Result<(), PortError> {
        let what = || format!("keep the lock of {}", lease.environment);
        self.change(lease, LockRecord::beaten)
            .await
            .map_err(|error| error.at_port(what()))
    }

    async fn verify(&self, lease: &Lease) -> Result<(), PortError> {
        let what = || format!("go on in {}", lease.environment);
        self.good(lease)
            .await
            .map_err(|error| error.at_port(what()))
    }

    async fn release(&self, lease: &Lease) -> Result<(), PortError> {
        let what = || format!("give back the lock of {}", lease.environment);
        self.change(lease, LockRecord::freed)
            .await
            .map_err(|error| error.at_port(what()))
    }

    async fn state(&self, environment: &EnvironmentName) -> Result<LockState, PortError> {
        let record = self
            .lock_record(environment)
            .await
            .map_err(|error| error.at_port(format!("read the lock of {environment}")))?;
        let held = record.and_then(|(record, _)| record.held);
        Ok(held.map_or(LockState::Free, |held| LockState::Held(held.holder)))
    }
}

impl<S: ObjectStore> ObjectLedger<S> {
    /// Fails when `lease` is no longer good.
    pub(crate) async fn good(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.honoured(lease).await.map(drop)
    }

    async fn acquire(
        &self,
        environment: &EnvironmentName,
        holder: &Holder,
    ) -> Result<Acquired, LedgerError> {
        for _ in 0..ATTEMPTS {
            let found = self.lock_record(environment).await?;
            let from = match found.as_ref().and_then(|(record, _)| record.held.clone()) {
                Some(other) if !self.is_gone(environment, &found, &other) => {
                    return Ok(Acquired::Held(other.holder));
                }
                gone => gone.map(|held| held.holder),
            };
            let held = Held {
                holder: holder.clone(),
                process: ProcessIdentity::of(holder.pid),
            };
            let record = LockRecord::taken(found.as_ref().map(|(record, _)| record), held);
            let seen = found.map(|(_, version)| version);
            if self.write_lock(environment, seen.as_ref(), &record).await? == Written::Done {
                let lease = record.lease(environment);
                return Ok(match from {
                    Some(from) => Acquired::TakenOver { lease, from },
                    None => Acquired::Ours(lease),
                });
            }
        }
        Err(LedgerError::Contended(environment.clone()))
    }

    /// Whether the holder's process has ended or its heartbeat stood still for too long.
    fn is_gone(
        &self,
        environment: &EnvironmentName,
        found: &Option<(LockRecord, Version)>,
        held: &Held,
    ) -> bool {
        let ended = held.process.as_ref().map(ProcessIdentity::fate) == Some(Fate::Gone);
        let now = self.clock.monotonic();
        let stale = |(record, _): &(LockRecord, Version)| {
            self.observer().is_stale(environment, record, now)
        };
        ended || found.as_ref().is_some_and(stale)
    }

    /// Changes the lock while `lease` is good.
    async fn change(
        &self,
        lease: &Lease,
        change: impl Fn(LockRecord) -> LockRecord + Send,
    ) -> Result<(), LedgerError> {
        for _ in 0..ATTEMPTS {
            let (record, version) = self.honoured(lease).await?;
            let changed = change(record);
            let written = self.write_lock(&lease.environment, Some(&version), &changed);
            if written.await? == Written::Done {
                return Ok(());
            }
        }
        Err(LedgerError::Contended(lease.environment.clone()))
    }

    async fn honoured(&self, lease: &Lease) -> Result<(LockRecord, Version), LedgerError> {
        self.lock_record(&lease.environment)
            .await?
            .filter(|(record, _)| record.honours(lease))
            .ok_or_else(|| LedgerError::LockLost(lease.environment.clone()))
    }

    async fn lock_record(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Option<(LockRecord, Version)>, LedgerError> {
        let key = key(environment);
        let Some(object) = self.store.get(&key).await? else {
            return Ok(None);
        };
        Ok(Some((format::decode(&key, &object.bytes)?, object.version)))
    }

    async fn write_lock(
        &self,
        environment: &EnvironmentName,
        seen: Option<&Version>,
        record: &LockRecord,
    ) -> Result<Written, LedgerError> {
        let (key, bytes) = (key(environment), format::encode(record)?);
        Ok(match seen {
            Some(version) => self.store.replace(&key, version, bytes).await?,
            None => self.store.create(&key, bytes).await?,
        })
    }
}

fn key(environment: &EnvironmentName) -> String {
    format!("locks/{environment}.json")
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use seaway_ports::PortErrorKind;

    use super::*;
    use crate::observer::STALE_AFTER;
    use crate::test_support::{Place, environment, holder};

    /// A process id that no process has, so that only heartbeats tell.
    const NOBODY: u32 = u32::MAX;

    fn lease(acquired: Acquired) -> Lease {
        match acquired {
            Acquired::Ours(lease) | Acquired::TakenOver { lease, .. } => lease,
            Acquired::Held(other) => panic!("held by {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_second_command_is_told_whom_it_waits_for() {
        let place = Place::new();
        let (ledger, environment) = (place.ledger(), environment());
        let first = holder("ann@one", std::process::id());
        let ours = lease(ledger.try_acquire(&environment, &first).await.unwrap());
        let second = holder("bob@two", std::process::id());
        let waits = ledger.try_acquire(&environment, &second).await.unwrap();
        assert_eq!(waits, Acquired::Held(first.clone()));
        assert_eq!(
            ledger.state(&environment).await.unwrap(),
            LockState::Held(first)
        );

        ledger.release(&ours).await.unwrap();
        assert_eq!(ledger.state(&environment).await.unwrap(), LockState::Free);
        let next = ledger.try_acquire(&environment, &second).await.unwrap();
        assert_eq!(lease(next).generation, ours.generation + 1);
    }

    #[tokio::test]
    async fn environments_do_not_wait_for_each_other() {
        let place = Place::new();
        let ledger = place.ledger();
        for name in ["local", "qa"] {
            let holder = holder("ann@one", std::process::id());
            let acquired = ledger.try_acquire(&name.parse().unwrap(), &holder).await;
            assert!(matches!(acquired, Ok(Acquired::Ours(_))), "{name}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_commands_at_once_one_gets_the_lock() {
        let place = Place::new();
        let tasks = (0..12).map(|number| {
            let ledger = place.ledger();
            tokio::spawn(async move {
                let holder = holder(&format!("user{number}@host"), std::process::id());
                ledger.try_acquire(&environment(), &holder).await.unwrap()
            })
        });
        let mut ours = 0;
        for task in tasks.collect::<Vec<_>>() {
            ours += usize::from(matches!(task.await.unwrap(), Acquired::Ours(_)));
        }
        assert_eq!(ours, 1);
    }

    #[tokio::test]
    async fn the_lock_of_a_killed_process_is_taken_over_at_once() {
        let place = Place::new();
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::null())
            .spawn()
            .expect("sleep starts");
        let theirs = holder("ann@one", child.id());
        let (ledger, environment) = (place.ledger(), environment());
        let lost = lease(ledger.try_acquire(&environment, &theirs).await.unwrap());
        let ours = holder("bob@two", std::process::id());
        let waits = place.ledger().try_acquire(&environment, &ours).await;
        assert_eq!(waits, Ok(Acquired::Held(theirs.clone())));

        child.kill().unwrap();
        child.wait().unwrap();
        let taken = place.ledger().try_acquire(&environment, &ours).await;
        let Ok(Acquired::TakenOver { lease, from }) = taken else {
            panic!("{taken:?}");
        };
        assert_eq!(from, theirs);
        assert_eq!(lease.generation, lost.generation + 1);
    }

    #[tokio::test]
    async fn a_heartbeat_that_stands_still_gives_the_lock_away() {
        let place = Place::new();
        let (ledger, environment) = (place.ledger(), environment());
        let theirs = holder("ann@one", NOBODY);
        let old = lease(ledger.try_acquire(&environment, &theirs).await.unwrap());
        let waiter = place.ledger();
        let ours = holder("bob@two", std::process::id());
        let ask = || waiter.try_acquire(&environment, &ours);

        assert_eq!(ask().await, Ok(Acquired::Held(theirs.clone())));
        place.clock.advance(STALE_AFTER - Duration::from_secs(1));
        ledger.heartbeat(&old).await.unwrap();
        assert_eq!(ask().await, Ok(Acquired::Held(theirs.clone())));
        place.clock.advance(STALE_AFTER - Duration::from_millis(1));
        assert_eq!(ask().await, Ok(Acquired::Held(theirs.clone())));
        place.clock.advance(Duration::from_millis(1));
        assert!(matches!(ask().await, Ok(Acquired::TakenOver { .. })));

        for result in [
            ledger.verify(&old).await,
            ledger.heartbeat(&old).await,
            ledger.release(&old).await,
        ] {
            assert_eq!(result.unwrap_err().kind, PortErrorKind::LockLost);
        }
        let state = waiter.state(&environment).await.unwrap();
        assert_eq!(state, LockState::Held(ours.clone()));
    }

    #[tokio::test]
    async fn a_lock_that_was_given_back_is_no_longer_good() {
        let place = Place::new();
        let ledger = place.ledger();
        let holder = holder("ann@one", std::process::id());
        let acquired = ledger.try_acquire(&environment(), &holder).await.unwrap();
        let lease = lease(acquired);
        ledger.verify(&lease).await.unwrap();
        ledger.release(&lease).await.unwrap();
        let error = ledger.verify(&lease).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::LockLost);
    }

    #[tokio::test]
    async fn a_damaged_lock_is_named() {
        let place = Place::new();
        place.write("locks/local.json", b"{\"format\":1,");
        let holder = holder("ann@one", std::process::id());
        let error = place.ledger().try_acquire(&environment(), &holder).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Invalid);
        assert!(error.message.contains("locks/local.json is damaged"));
    }
}
