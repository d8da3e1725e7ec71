//! The port `Ledger`: a release is a row of objects, each written once.

use async_trait::async_trait;
use seaway_core::name::EnvironmentName;
use seaway_core::release::{Entry, Intent, Release, ReleaseId, Stamped};
use seaway_core::time::Timestamp;
use seaway_ports::{Lease, Ledger, PortError};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::format;
use crate::ledger::ObjectLedger;
use crate::store::{ObjectStore, Written};

const INTENT: &str = "intent.json";

/// The first object of a release.
#[derive(Debug, Serialize, Deserialize)]
struct IntentRecord {
    started_at: Timestamp,
    /// Of the lock it was written under.
    generation: u64,
    intent: Intent,
}

/// Entries that were written together.
#[derive(Debug, Serialize, Deserialize)]
struct EntriesRecord {
    at: Timestamp,
    generation: u64,
    entries: Vec<Entry>,
}

#[async_trait]
impl<S: ObjectStore> Ledger for ObjectLedger<S> {
    async fn begin(&self, lease: &Lease, intent: &Intent) -> Result<ReleaseId, PortError> {
        let what = || format!("begin a release of {}", lease.environment);
        self.write_intent(lease, intent)
            .await
            .map_err(|error| error.at_port(what()))
    }

    async fn append(
        &self,
        lease: &Lease,
        release: ReleaseId,
        entries: &[Entry],
    ) -> Result<(), PortError> {
        let what = || format!("record release {release} of {}", lease.environment);
        self.write_entries(lease, release, entries)
            .await
            .map_err(|error| error.at_port(what()))
    }

    async fn read(
        &self,
        environment: &EnvironmentName,
        release: ReleaseId,
    ) -> Result<Option<Release>, PortError> {
        self.read_release(environment, release)
            .await
            .map_err(|error| error.at_port(format!("read release {release} of {environment}")))
    }

    /// A damaged release is left out with a warning: [`Ledger::read`] tells what is wrong with
    /// it. One of a later version fails the whole: what an older command would conclude from the
    /// rest could be wrong.
    async fn list(
        &self,
        environment: &EnvironmentName,
        limit: usize,
    ) -> Result<Vec<Release>, PortError> {
        self.newest(environment, limit)
            .await
            .map_err(|error| error.at_port(format!("list the releases of {environment}")))
    }
}

impl<S: ObjectStore> ObjectLedger<S> {
    async fn write_intent(&self, lease: &Lease, intent: &Intent) -> Result<ReleaseId, LedgerError> {
        self.good(lease).await?;
        let environment = &lease.environment;
        let record = IntentRecord {
            started_at: self.clock.now(),
            generation: lease.generation,
            intent: intent.clone(),
        };
        let bytes = format::encode(&record)?;
        let newest = self.numbers(environment).await?.into_iter().max();
        let mut number = newest.unwrap_or(0);
        // Whoever began at the same time took a number: the next one is tried.
        loop {
            number = number
                .checked_add(1)
                .ok_or_else(|| LedgerError::Full(environment.clone()))?;
            let release = ReleaseId(number);
            let key = format!("{}/{INTENT}", directory(environment, release));
            if self.store.create(&key, bytes.clone()).await? == Written::Done {
                self.next_entries()
                    .insert((environment.clone(), release), 1);
                return Ok(release);
            }
        }
    }

    async fn write_entries(
        &self,
        lease: &Lease,
        release: ReleaseId,
        entries: &[Entry],
    ) -> Result<(), LedgerError> {
        self.good(lease).await?;
        let record = EntriesRecord {
            at: self.clock.now(),
            generation: lease.generation,
            entries: entries.to_vec(),
        };
        let bytes = format::encode(&record)?;
        let place = (lease.environment.clone(), release);
        let guess = self.next_entries().get(&place).copied();
        let mut number = match guess {
            Some(number) => number,
            None => self.first_free(&lease.environment, release).await?,
        };
        let directory = directory(&lease.environment, release);
        loop {
            let key = format!("{directory}/{}", entries_name(number));
            let written = self.store.create(&key, bytes.clone()).await?;
            number += 1;
            if written == Written::Done {
                self.next_entries().insert(place, number);
                return Ok(());
            }
        }
    }

    async fn read_release(
        &self,
        environment: &EnvironmentName,
        release: ReleaseId,
    ) -> Result<Option<Release>, LedgerError> {
        let directory = directory(environment, release);
        let key = format!("{directory}/{INTENT}");
        let Some(object) = self.store.get(&key).await? else {
            return Ok(None);
        };
        let begun: IntentRecord = format::decode(&key, &object.bytes)?;
        let mut entries = Vec::new();
        for number in self.entries_numbers(environment, release).await? {
            let key = format!("{directory}/{}", entries_name(number));
            let Some(object) = self.store.get(&key).await? else {
                continue;
            };
            let record: EntriesRecord = format::decode(&key, &object.bytes)?;
            let at = record.at;
            entries.extend(
                record
                    .entries
                    .into_iter()
                    .map(|entry| Stamped { at, entry }),
            );
        }
        Ok(Some(Release {
            id: release,
            started_at: begun.started_at,
            intent: begun.intent,
            entries,
        }))
    }

    async fn newest(
        &self,
        environment: &EnvironmentName,
        limit: usize,
    ) -> Result<Vec<Release>, LedgerError> {
        let mut numbers = self.numbers(environment).await?;
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        let mut releases = Vec::new();
        for number in numbers {
            if releases.len() == limit {
                break;
            }
            match self.read_release(environment, ReleaseId(number)).await {
                Ok(release) => releases.extend(release),
                Err(LedgerError::Damaged { object, source }) => {
                    tracing::warn!(object, %source, "a damaged release is left out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(releases)
    }

    /// The numbers of all releases, those included that were never finished writing.
    async fn numbers(&self, environment: &EnvironmentName) -> Result<Vec<u32>, LedgerError> {
        let names = self
            .store
            .children(&format!("releases/{environment}"))
            .await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    async fn first_free(
        &self,
        environment: &EnvironmentName,
        release: ReleaseId,
    ) -> Result<u32, LedgerError> {
        let intent = format!("{}/{INTENT}", directory(environment, release));
        if self.store.get(&intent).await?.is_none() {
            return Err(LedgerError::NoRelease {
                environment: environment.clone(),
                release,
            });
        }
        let numbers = self.entries_numbers(environment, release).await?;
        Ok(numbers.last().map_or(1, |last| last + 1))
    }

    /// In the order of writing.
    async fn entries_numbers(
        &self,
        environment: &EnvironmentName,
        release: ReleaseId,
    ) -> Result<Vec<u32>, LedgerError> {
        let names = self
            .store
            .children(&directory(environment, release))
            .await?;
        let mut numbers: Vec<u32> = names
            .iter()
            .filter_map(|name| entries_number(name))
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

fn directory(environment: &EnvironmentName, release: ReleaseId) -> String {
    format!("releases/{environment}/{:06}", release.0)
}

fn entries_name(number: u32) -> String {
    format!("entries-{number:06}.json")
}

fn entries_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix("entries-")?.strip_suffix(".json")?;
    number.parse().ok()
}

#[cfg(test)]
#[path = "releases_tests.rs"]
mod tests;
