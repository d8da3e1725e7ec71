//! The store over HTTP: `GET`, `PUT` and `DELETE /store/NAME`, `GET /store?prefix=order-`.

use std::sync::Arc;

use shop_common::reply::{self, Reply};
use shop_common::{Dependency, Method, Request, Routes, StatusCode, log};

use crate::shelf::{Key, Shelf, ShelfError};

/// The store's routes.
#[derive(Debug)]
pub struct Store {
    shelf: Arc<Shelf>,
}

impl Store {
    pub fn new(shelf: Shelf) -> Self {
        Self {
            shelf: Arc::new(shelf),
        }
    }

    /// Does `work` on the volume without holding up other requests: a sync may take long.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> Result<T, ShelfError> + Send + 'static,
    ) -> Result<T, Reply> {
        let shelf = Arc::clone(&self.shelf);
        let broken = || {
            reply::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the volume does not work",
            )
        };
        match tokio::task::spawn_blocking(move || work(&shelf)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                log::error("the volume does not work", &error);
                Err(broken())
            }
            Err(_) => Err(broken()),
        }
    }

    async fn list(&self, prefix: String) -> Result<Reply, Reply> {
        let names = self.work(move |shelf| shelf.list(&prefix)).await?;
        Ok(reply::json(StatusCode::OK, &names))
    }

    async fn value(&self, key: Key, request: Request) -> Result<Reply, Reply> {
        let reply = match request.method {
            Method::GET | Method::HEAD => match self.work(move |shelf| shelf.get(&key)).await? {
                Some(value) => reply::bytes(StatusCode::OK, "application/octet-stream", value),
                None => reply::error(StatusCode::NOT_FOUND, "no such name"),
            },
            Method::PUT => {
                self.work(move |shelf| shelf.put(&key, &request.body))
                    .await?;
                reply::empty(StatusCode::NO_CONTENT)
            }
            Method::DELETE => match self.work(move |shelf| shelf.remove(&key)).await? {
                true => reply::empty(StatusCode::NO_CONTENT),
                false => reply::error(StatusCode::NOT_FOUND, "no such name"),
            },
            _ => reply::error(StatusCode::METHOD_NOT_ALLOWED, "use GET, PUT or DELETE"),
        };
        Ok(reply)
    }
}

impl Routes for Store {
    async fn answer(&self, request: Request) -> Reply {
        let result = match request.segments().as_slice() {
            ["store"] if request.method == Method::GET => {
                self.list(request.parameter("prefix").unwrap_or_default().to_owned())
                    .await
            }
            ["store", name] => match name.parse::<Key>() {
                Ok(key) => self.value(key, request).await,
                Err(error) => Err(reply::error(StatusCode::BAD_REQUEST, error)),
            },
            _ => Err(reply::error(
                StatusCode::NOT_FOUND,
                "the store has /store/NAME",
            )),
        };
        result.unwrap_or_else(|refusal| refusal)
    }

    /// The volume counts as a dependency: it is there when a listing works.
    async fn dependencies(&self) -> Vec<Dependency> {
        let listed = self.work(|shelf| shelf.list("")).await;
        let state = listed.map(drop).map_err(|_| "cannot be listed".to_owned());
        vec![Dependency {
            name: "volume",
            state,
        }]
    }
}
