//! What the catalog lists and the API sells.

use serde::{Deserialize, Serialize};

/// One product, as the catalog answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    pub id: String,
    pub name: String,
    /// Price of one piece, in cents.
    pub price_cents: u64,
}
