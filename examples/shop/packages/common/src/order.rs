//! An order: placed by the API, kept by the store, shipped by the worker.

use serde::{Deserialize, Serialize};

/// Every order is kept under a name that begins with this.
pub const KEY_PREFIX: &str = "order-";

/// One order, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Also its name in the store; begins with [`KEY_PREFIX`].
    pub id: String,
    /// The product's id in the catalog.
    pub product: String,
    pub quantity: u32,
    /// What the whole order costs, in cents, at the price of the day.
    pub total_cents: u64,
    pub status: OrderStatus,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    Placed,
    Shipped,
}
