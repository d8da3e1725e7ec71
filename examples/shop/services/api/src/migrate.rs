//! The job before a release: brings the stored data to the form that the new version reads.
//!
//! The store keeps the number of the last step done under `schema`. Every step can be repeated, so
//! a job that was cut off is simply run again.

use std::fmt;

use shop_common::order::KEY_PREFIX;
use shop_common::{Method, StatusCode, Upstream, UpstreamError};
use thiserror::Error;

/// The number of the last step.
const LATEST: u32 = 1;

/// What the job did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No store answers: a first release, which has no data yet. Were it a later one, the next
    /// release would do what this one left out.
    NoStore,
    /// Nothing was left to do.
    Current { schema: u32 },
    /// Steps were done; so many orders were rewritten.
    Migrated { from: u32, to: u32, orders: usize },
}

/// The data could not be brought to the new form.
#[derive(Debug, Error)]
pub enum MigrateError {
    #[error("failed to reach the data")]
    Store(#[from] UpstreamError),
    #[error("the store answers {status} to {what}")]
    Refused { what: String, status: StatusCode },
    #[error("`{name}` is not what it should be")]
    Data {
        name: String,
        source: serde_json::Error,
    },
    #[error("the data has schema {found}, this version knows {LATEST}: a newer version wrote it")]
    Newer { found: u32 },
}

/// Does every step that is still to be done.
///
/// # Errors
/// The store fails, or holds what no version of the shop wrote.
pub async fn run(store: &Upstream) -> Result<Outcome, MigrateError> {
    let schema = match store.call(Method::GET, "/store/schema", "").await {
        Err(UpstreamError::Call { .. } | UpstreamError::Unavailable { .. }) => {
            return Ok(Outcome::NoStore);
        }
        answer => answer?,
    };
    let from = match schema.status {
        StatusCode::OK => parse("schema", &schema.body)?,
        StatusCode::NOT_FOUND => 0,
        status => return Err(refused("schema", status)),
    };
    if from > LATEST {
        return Err(MigrateError::Newer { found: from });
    }
    if from == LATEST {
        return Ok(Outcome::Current { schema: from });
    }
    let orders = add_status(store).await?;
    put(store, "schema", LATEST.to_string()).await?;
    Ok(Outcome::Migrated {
        from,
        to: LATEST,
        orders,
    })
}

/// Step 1: orders once had no status; they have all left the house.
async fn add_status(store: &Upstream) -> Result<usize, MigrateError> {
    let listed = get(store, &format!("?prefix={KEY_PREFIX}")).await?;
    let names: Vec<String> = parse("the list of orders", &listed)?;
    let mut changed = 0;
    for name in names {
        let path = format!("/{name}");
        let mut order: serde_json::Map<_, _> = parse(&name, &get(store, &path).await?)?;
        if !order.contains_key("status") {
            order.insert("status".to_owned(), "shipped".into());
            put(store, &name, serde_json::Value::from(order).to_string()).await?;
            changed += 1;
        }
    }
    Ok(changed)
}

async fn get(store: &Upstream, path: &str) -> Result<Vec<u8>, MigrateError> {
    let answer = store
        .call(Method::GET, &format!("/store{path}"), "")
        .await?;
    match answer.status {
        StatusCode::OK => Ok(answer.body.to_vec()),
        status => Err(refused(path, status)),
    }
}

async fn put(store: &Upstream, name: &str, value: String) -> Result<(), MigrateError> {
    let answer = store
        .call(Method::PUT, &format!("/store/{name}"), value)
        .await?;
    match answer.status {
        StatusCode::NO_CONTENT => Ok(()),
        status => Err(refused(name, status)),
    }
}

fn refused(what: &str, status: StatusCode) -> MigrateError {
    MigrateError::Refused {
        what: what.to_owned(),
        status,
    }
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, body: &[u8]) -> Result<T, MigrateError> {
    serde_json::from_slice(body).map_err(|source| MigrateError::Data {
        name: name.to_owned(),
        source,
    })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStore => write!(f, "no store answers yet: a first release has no data"),
            Self::Current { schema } => write!(f, "the data has schema {schema}: nothing to do"),
            Self::Migrated { from, to, orders } => {
                write!(
                    f,
                    "the data went from schema {from} to {to}, orders rewritten: {orders}"
                )
            }
        }
    }
}
