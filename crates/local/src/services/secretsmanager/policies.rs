//! Resource policies. They are kept and given back; the platform has one caller, so nothing is
//! decided by them.

use seaway_aws_wire::secretsmanager::{
    DeleteResourcePolicyRequest, DeleteResourcePolicyResponse, GetResourcePolicyRequest,
    GetResourcePolicyResponse, PutResourcePolicyRequest, PutResourcePolicyResponse,
    ValidateResourcePolicyRequest, ValidateResourcePolicyResponse,
};
use serde_json::Value;

use super::{SecretsError, SecretsManager, arn_of, find, find_live};

impl SecretsManager {
    pub(super) fn put_policy(
        &self,
        request: PutResourcePolicyRequest,
    ) -> Result<PutResourcePolicyResponse, SecretsError> {
        let policy = read(&request.resource_policy)?;
        if request.block_public_policy == Some(true) && is_public(&policy) {
            return Err(SecretsError::PublicPolicy);
        }
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            secret.policy = Some(request.resource_policy);
            tx.put_secret(&secret)?;
            Ok(PutResourcePolicyResponse {
                arn: Some(arn_of(&secret)),
                name: Some(secret.name),
                policy_name: None,
            })
        })
    }

    pub(super) fn get_policy(
        &self,
        request: &GetResourcePolicyRequest,
    ) -> Result<GetResourcePolicyResponse, SecretsError> {
        let secret = self.store.read(|view| find(view, &request.secret_id))?;
        Ok(GetResourcePolicyResponse {
            arn: Some(arn_of(&secret)),
            name: Some(secret.name),
            policy_name: None,
            resource_policy: secret.policy,
        })
    }

    pub(super) fn delete_policy(
        &self,
        request: &DeleteResourcePolicyRequest,
    ) -> Result<DeleteResourcePolicyResponse, SecretsError> {
        self.store.write(|tx| {
            let mut secret = find_live(tx, &request.secret_id)?;
            secret.policy = None;
            tx.put_secret(&secret)?;
            Ok(DeleteResourcePolicyResponse {
                arn: Some(arn_of(&secret)),
                name: Some(secret.name),
                policy_name: None,
            })
        })
    }

    pub(super) fn validate_policy(
        &self,
        request: &ValidateResourcePolicyRequest,
    ) -> Result<ValidateResourcePolicyResponse, SecretsError> {
        if let Some(id) = &request.secret_id {
            self.store.read(|view| find(view, id))?;
        }
        read(&request.resource_policy)?;
        Ok(ValidateResourcePolicyResponse {
            policy_validation_passed: Some(true),
            validation_errors: Some(Vec::new()),
        })
    }
}

fn read(policy: &str) -> Result<Value, SecretsError> {
    let policy: Option<Value> = serde_json::from_str(policy).ok();
    policy
        .filter(|policy| policy.get("Statement").is_some())
        .ok_or(SecretsError::MalformedPolicy)
}

/// Whether a statement without conditions lets in everybody.
fn is_public(policy: &Value) -> bool {
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let everybody = |principal: &Value| match principal {
        Value::String(one) => one == "*",
        Value::Array(several) => several.iter().any(|one| one == "*"),
        _ => false,
    };
    statements.iter().any(|statement| {
        let principal = &statement["Principal"];
        statement["Effect"] == "Allow"
            && statement.get("Condition").is_none()
            && (everybody(principal) || everybody(&principal["AWS"]))
    })
}
