//! The API over HTTP; `GET /` lists the routes.

use std::hash::{BuildHasher, RandomState};

use serde::Deserialize;
use shop_common::client::Answer;
use shop_common::order::KEY_PREFIX;
use shop_common::reply::{self, Reply};
use shop_common::{
    Dependency, Method, Order, OrderStatus, Product, Request, Routes, StatusCode, Upstream,
    UpstreamError, log,
};

const INDEX: &str = "\
The shop.

GET  /api/products        what there is
GET  /api/products/ID     one product
POST /api/orders          {\"product\": \"coffee\", \"quantity\": 2}
GET  /api/orders          the ids of all orders
GET  /api/orders/ID       one order; the worker ships it within seconds
GET  /version /health /ready /metrics
";

/// The API's routes.
#[derive(Debug)]
pub struct Api {
    catalog: Upstream,
    store: Upstream,
}

/// What a customer sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    product: String,
    quantity: u32,
}

impl Api {
    pub fn new(catalog: Upstream, store: Upstream) -> Self {
        Self { catalog, store }
    }

    async fn product(&self, id: &str) -> Result<Answer, Reply> {
        if !is_plain(id) {
            return Err(unknown("product", id));
        }
        get(&self.catalog, &format!("/products/{id}")).await
    }

    async fn place(&self, body: &[u8]) -> Result<Reply, Reply> {
        let wish: Wish = serde_json::from_slice(body)
            .map_err(|error| reply::error(StatusCode::BAD_REQUEST, error))?;
        if !(1..=1_000).contains(&wish.quantity) {
            return Err(reply::error(
                StatusCode::BAD_REQUEST,
                "quantity is from 1 to 1000",
            ));
        }
        let found = self.product(&wish.product).await?;
        if found.status != StatusCode::OK {
            return Err(pass(found));
        }
        let product: Product = serde_json::from_slice(&found.body)
            .map_err(|_| reply::error(StatusCode::BAD_GATEWAY, "the catalog is not understood"))?;
        let order = Order {
            id: format!("{KEY_PREFIX}{:016x}", random()),
            total_cents: product.price_cents.saturating_mul(wish.quantity.into()),
            product: product.id,
            quantity: wish.quantity,
            status: OrderStatus::Placed,
        };
        let body = serde_json::to_vec(&order)
            .map_err(|error| reply::error(StatusCode::INTERNAL_SERVER_ERROR, error))?;
        let path = format!("/store/{}", order.id);
        let kept = self
            .store
            .call(Method::PUT, &path, body)
            .await
            .map_err(|e| unavailable(&e))?;
        match kept.status {
            StatusCode::NO_CONTENT => Ok(reply::json(StatusCode::CREATED, &order)),
            _ => Err(reply::error(
                StatusCode::BAD_GATEWAY,
                "the store did not keep the order",
            )),
        }
    }

    async fn order(&self, id: &str) -> Result<Reply, Reply> {
        if !is_plain(id) || !id.starts_with(KEY_PREFIX) {
            return Err(unknown("order", id));
        }
        get(&self.store, &format!("/store/{id}")).await.map(pass)
    }
}

impl Routes for Api {
    async fn answer(&self, request: Request) -> Reply {
        let result = match (&request.method, request.segments().as_slice()) {
            (&Method::GET, []) => Ok(reply::text(StatusCode::OK, INDEX)),
            (&Method::GET, ["api", "products"]) => get(&self.catalog, "/products").await.map(pass),
            (&Method::GET, ["api", "products", id]) => self.product(id).await.map(pass),
            (&Method::GET, ["api", "orders"]) => {
                get(&self.store, &format!("/store?prefix={KEY_PREFIX}"))
                    .await
                    .map(pass)
            }
            (&Method::GET, ["api", "orders", id]) => self.order(id).await,
            (&Method::POST, ["api", "orders"]) => self.place(&request.body).await,
            _ => Err(reply::error(
                StatusCode::NOT_FOUND,
                "GET / lists what there is",
            )),
        };
        result.unwrap_or_else(|refusal| refusal)
    }

    async fn dependencies(&self) -> Vec<Dependency> {
        let (catalog, store) = tokio::join!(self.catalog.check(), self.store.check());
        vec![catalog, store]
    }
}

async fn get(upstream: &Upstream, path: &str) -> Result<Answer, Reply> {
    upstream
        .call(Method::GET, path, "")
        .await
        .map_err(|error| unavailable(&error))
}

/// Another service's answer as our own.
fn pass(answer: Answer) -> Reply {
    reply::bytes(answer.status, "application/json", answer.body)
}

/// 503: the customer may try again.
fn unavailable(error: &UpstreamError) -> Reply {
    log::error("an answer is missing", error);
    reply::error(StatusCode::SERVICE_UNAVAILABLE, log::chain(error))
}

/// Whether an id can stand in the path of a call as it is.
fn is_plain(id: &str) -> bool {
    id.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn unknown(noun: &str, id: &str) -> Reply {
    reply::error(StatusCode::NOT_FOUND, format_args!("no {noun} `{id}`"))
}

/// Different for each call and each process: the standard library seeds its hashers at random.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
