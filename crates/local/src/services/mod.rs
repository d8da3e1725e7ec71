//! The AWS services: handlers that translate between wire and state.
//!
//! A service is one [`Handler`]. It matches on the operation of a [`Call`] and
//! answers each with [`Call::answer`], which hands over the typed request and
//! encodes the typed response. Adding a service: write its handler and register
//! it with [`Services::with`].

mod call;
pub mod cloudwatch;
mod dispatch;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod logs;
pub mod secretsmanager;
mod sorted_page;
pub mod ssm;
pub mod sts;
mod tag_keys;
pub mod task_secrets;

pub use call::{Answer, Call};
pub use dispatch::{Blocking, BlockingHandler, Handler, Services};
