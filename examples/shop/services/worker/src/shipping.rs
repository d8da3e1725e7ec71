//! One round through the store: every order that is placed becomes shipped.

use std::collections::HashSet;

use shop_common::order::KEY_PREFIX;
use shop_common::{Method, Order, OrderStatus, StatusCode, Upstream, UpstreamError};
use thiserror::Error;

/// The orders to ship, and what is known to be done.
#[derive(Debug)]
pub(crate) struct Shipping {
    store: Upstream,
    /// Orders never go back, so those that were seen shipped are not read again.
    done: HashSet<String>,
}

/// A round that could not be finished; the next one takes up what it left.
#[derive(Debug, Error)]
pub(crate) enum ShippingError {
    #[error("failed to reach the store")]
    Store(#[from] UpstreamError),
    #[error("the store answers {status} to {name}")]
    Refused { name: String, status: StatusCode },
    #[error("{name} is not what it should be")]
    Data {
        name: String,
        source: serde_json::Error,
    },
}

impl Shipping {
    pub(crate) fn new(store: Upstream) -> Self {
        Self {
            store,
            done: HashSet::new(),
        }
    }

    /// Ships what is placed and says how many orders that were.
    pub(crate) async fn round(&mut self) -> Result<usize, ShippingError> {
        let listed = self
            .call(Method::GET, &format!("?prefix={KEY_PREFIX}"), Vec::new())
            .await?;
        let names: Vec<String> = parse("the list of orders", &listed)?;
        let mut shipped = 0;
        for name in names {
            if self.done.contains(&name) {
                continue;
            }
            let path = format!("/{name}");
            let mut order: Order = parse(&name, &self.call(Method::GET, &path, Vec::new()).await?)?;
            if order.status == OrderStatus::Placed {
                order.status = OrderStatus::Shipped;
                let value = serde_json::to_vec(&order).map_err(|source| ShippingError::Data {
                    name: name.clone(),
                    source,
                })?;
                self.call(Method::PUT, &path, value).await?;
                shipped += 1;
            }
            self.done.insert(name);
        }
        Ok(shipped)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        value: Vec<u8>,
    ) -> Result<Vec<u8>, ShippingError> {
        let answer = self
            .store
            .call(method, &format!("/store{path}"), value)
            .await?;
        if answer.status.is_success() {
            return Ok(answer.body.to_vec());
        }
        Err(ShippingError::Refused {
            name: path.to_owned(),
            status: answer.status,
        })
    }
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, body: &[u8]) -> Result<T, ShippingError> {
    serde_json::from_slice(body).map_err(|source| ShippingError::Data {
        name: name.to_owned(),
        source,
    })
}
