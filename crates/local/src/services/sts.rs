//! Security Token Service: who the caller is.

use seaway_aws_wire::sts::{GetCallerIdentity, GetCallerIdentityResponse, Operation};
use seaway_aws_wire::{Operation as AnyOperation, WireError};

use super::{Answer, BlockingHandler, Call, dispatch};
use crate::identity::ACCOUNT;

/// Answers with the platform's one identity.
#[derive(Debug)]
pub struct Sts;

impl BlockingHandler for Sts {
    fn handle(&self, call: Call) -> Answer {
        match call.operation() {
            AnyOperation::Sts(Operation::GetCallerIdentity) => {
                call.answer::<GetCallerIdentity, WireError>(|_| Ok(caller()))
            }
            other => Err(dispatch::not_here(other)),
        }
    }
}

fn caller() -> GetCallerIdentityResponse {
    GetCallerIdentityResponse {
        account: Some(ACCOUNT.to_owned()),
        arn: Some(format!("arn:aws:iam::{ACCOUNT}:root")),
        user_id: Some(ACCOUNT.to_owned()),
    }
}
