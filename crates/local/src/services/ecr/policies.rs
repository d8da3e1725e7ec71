//! Policies of repositories: kept and shown. There is one key here, and it may do everything.

use seaway_aws_wire::ecr::{
    DeleteRepositoryPolicyRequest, DeleteRepositoryPolicyResponse, GetRepositoryPolicyRequest,
    GetRepositoryPolicyResponse, SetRepositoryPolicyRequest, SetRepositoryPolicyResponse,
};
use serde_json::Value;

use super::{Ecr, EcrError, find};
use crate::identity::ACCOUNT;

impl Ecr {
    pub(super) fn set_policy(
        &self,
        request: SetRepositoryPolicyRequest,
    ) -> Result<SetRepositoryPolicyResponse, EcrError> {
        let (name, text) = (request.repository_name, request.policy_text);
        if !serde_json::from_str::<Value>(&text).is_ok_and(|policy| policy.is_object()) {
            let constraint = "Invalid repository policy provided";
            return Err(EcrError::parameter("PolicyText", constraint));
        }
        self.change(&name, request.registry_id.as_deref(), |record| {
            record.policy = Some(text.clone());
            Ok(())
        })?;
        Ok(SetRepositoryPolicyResponse {
            policy_text: Some(text),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
        })
    }

    pub(super) fn get_policy(
        &self,
        request: GetRepositoryPolicyRequest,
    ) -> Result<GetRepositoryPolicyResponse, EcrError> {
        let name = request.repository_name;
        let registry = request.registry_id.as_deref();
        let (_, record) = self.images.store.read(|view| find(view, &name, registry))?;
        let Some(text) = record.policy else {
            return Err(EcrError::NoPolicy(name));
        };
        Ok(GetRepositoryPolicyResponse {
            policy_text: Some(text),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
        })
    }

    pub(super) fn delete_policy(
        &self,
        request: DeleteRepositoryPolicyRequest,
    ) -> Result<DeleteRepositoryPolicyResponse, EcrError> {
        let name = request.repository_name;
        let mut old = None;
        self.change(&name, request.registry_id.as_deref(), |record| {
            old = record.policy.take();
            Ok(())
        })?;
        let Some(text) = old else {
            return Err(EcrError::NoPolicy(name));
        };
        Ok(DeleteRepositoryPolicyResponse {
            policy_text: Some(text),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
        })
    }
}
