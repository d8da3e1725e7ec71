//! The catalog: the shop's products, from a file that is part of the program.
//!
//! `GET /products` lists them, `GET /products/ID` answers one. Internal: only the API calls it.

use shop_common::reply::{self, Reply};
use shop_common::{Method, Product, Request, Routes, StatusCode};

/// The products on sale. Change a price and ship it.
const PRODUCTS: &str = include_str!("../products.json");

/// The catalog's routes.
#[derive(Debug)]
pub struct Catalog {
    products: Vec<Product>,
}

impl Catalog {
    /// Reads the products.
    ///
    /// # Errors
    /// The file is not a list of products.
    pub fn open() -> Result<Self, serde_json::Error> {
        Ok(Self {
            products: serde_json::from_str(PRODUCTS)?,
        })
    }
}

impl Routes for Catalog {
    async fn answer(&self, request: Request) -> Reply {
        match (&request.method, request.segments().as_slice()) {
            (&Method::GET, ["products"]) => reply::json(StatusCode::OK, &self.products),
            (&Method::GET, ["products", id]) => {
                match self.products.iter().find(|product| product.id == *id) {
                    Some(product) => reply::json(StatusCode::OK, product),
                    None => reply::error(StatusCode::NOT_FOUND, format_args!("no product `{id}`")),
                }
            }
            _ => reply::error(
                StatusCode::NOT_FOUND,
                "the catalog has /products and /products/ID",
            ),
        }
    }
}
