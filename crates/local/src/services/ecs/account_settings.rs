//! Account settings: what a principal, or the whole account, has asked for. They are kept and read
//! back; the default of `containerInsights` is what new clusters get.

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::error::EcsError;
use super::paging::part;
use crate::identity::ACCOUNT;
use crate::platform::records::AccountSettingRecord;
use crate::store::{StoreError, View};

/// A setting that AWS manages, and that no request can change.
const MANAGED: wire::SettingName = wire::SettingName::GuardDutyActivate;
const SWITCH: [&str; 4] = ["enabled", "disabled", "on", "off"];

impl Ecs {
    pub(super) fn put_account_setting(
        &self,
        request: wire::PutAccountSettingRequest,
    ) -> Result<wire::PutAccountSettingResponse, EcsError> {
        let principal = principal(request.principal_arn)?;
        let setting = self.put_setting(&principal, request.name, request.value)?;
        Ok(wire::PutAccountSettingResponse {
            setting: Some(setting),
        })
    }

    pub(super) fn put_account_setting_default(
        &self,
        request: wire::PutAccountSettingDefaultRequest,
    ) -> Result<wire::PutAccountSettingDefaultResponse, EcsError> {
        let setting = self.put_setting(&root(), request.name, request.value)?;
        Ok(wire::PutAccountSettingDefaultResponse {
            setting: Some(setting),
        })
    }

    /// Forgets a principal's setting; the answer is what holds for it from now on.
    pub(super) fn delete_account_setting(
        &self,
        request: wire::DeleteAccountSettingRequest,
    ) -> Result<wire::DeleteAccountSettingResponse, EcsError> {
        let principal = principal(request.principal_arn)?;
        let name = request.name;
        refuse_managed(&name)?;
        let value = self.store.write::<_, EcsError>(|tx| {
            tx.remove::<AccountSettingRecord>(&key(&principal, &name))?;
            Ok(effective(tx, &principal, &name)?)
        })?;
        Ok(wire::DeleteAccountSettingResponse {
            setting: Some(view(&principal, name, value)),
        })
    }

    pub(super) fn list_account_settings(
        &self,
        request: wire::ListAccountSettingsRequest,
    ) -> Result<wire::ListAccountSettingsResponse, EcsError> {
        let principal = principal(request.principal_arn)?;
        let wants_all = request.effective_settings == Some(true);
        let known = wire::SettingName::VALUES.iter().copied();
        let wanted = known
            .map(wire::SettingName::from)
            .filter(|name| request.name.as_ref().is_none_or(|only| only == name));
        let found = self.store.read::<_, StoreError>(|view| {
            let mut found = Vec::new();
            for name in wanted {
                let value = match wants_all {
                    true => Some(effective(view, &principal, &name)?),
                    false => own(view, &principal, &name)?,
                };
                found.extend(value.map(|value| (name, value)));
            }
            Ok(found)
        })?;
        let asked = |value: &String| request.value.as_ref().is_none_or(|only| only == value);
        let mut found: Vec<_> = found
            .into_iter()
            .filter(|(_, value)| asked(value))
            .collect();
        let name = |(name, _): &(wire::SettingName, String)| name.as_str().to_owned();
        found.sort_by_cached_key(name);
        let part = part(request.next_token.as_deref(), request.max_results);
        let (found, next_token) = part.of(found, name)?;
        let settings = found
            .into_iter()
            .map(|(name, value)| view(&principal, name, value));
        Ok(wire::ListAccountSettingsResponse {
            settings: Some(settings.collect()),
            next_token,
        })
    }

    /// What the account has asked for, for what its request leaves open.
    pub(super) fn account_default(&self, name: &wire::SettingName) -> Result<String, EcsError> {
        Ok(self
            .store
            .read::<_, StoreError>(|view| effective(view, &root(), name))?)
    }

    fn put_setting(
        &self,
        principal: &str,
        name: wire::SettingName,
        value: String,
    ) -> Result<wire::Setting, EcsError> {
        refuse_managed(&name)?;
        if !allowed(&name).contains(&value.as_str()) {
            let text = format!("Invalid value for setting {name}: {value}");
            return Err(EcsError::Parameter(text));
        }
        let record = AccountSettingRecord {
            value: value.clone(),
        };
        self.store
            .write::<_, EcsError>(|tx| Ok(tx.put(&key(principal, &name), &record)?))?;
        Ok(view(principal, name, value))
    }
}

/// Whoever calls is the account itself; another principal is one of its users or roles.
fn principal(given: Option<String>) -> Result<String, EcsError> {
    let Some(given) = given else {
        return Ok(root());
    };
    let of_account = format!("arn:aws:iam::{ACCOUNT}:");
    let resource = given.strip_prefix(&of_account);
    match resource {
        Some(resource)
            if resource == "root"
                || resource.starts_with("user/")
                || resource.starts_with("role/") =>
        {
            Ok(given)
        }
        _ => Err(EcsError::Parameter(format!(
            "Invalid principal ARN: {given}"
        ))),
    }
}

fn root() -> String {
    format!("arn:aws:iam::{ACCOUNT}:root")
}

fn refuse_managed(name: &wire::SettingName) -> Result<(), EcsError> {
    match *name == MANAGED {
        true => Err(EcsError::Parameter(format!(
            "The setting {name} is managed by AWS and cannot be changed."
        ))),
        false => Ok(()),
    }
}

/// What was asked for by this principal.
fn own(
    view: &View<'_>,
    principal: &str,
    name: &wire::SettingName,
) -> Result<Option<String>, StoreError> {
    let record = view.get::<AccountSettingRecord>(&key(principal, name))?;
    Ok(record.map(|record| record.value))
}

/// What holds for this principal: its own setting, the account's, or the one of a new account.
fn effective(
    view: &View<'_>,
    principal: &str,
    name: &wire::SettingName,
) -> Result<String, StoreError> {
    if let Some(value) = own(view, principal, name)? {
        return Ok(value);
    }
    let account = own(view, &root(), name)?;
    Ok(account.unwrap_or_else(|| initial(name).to_owned()))
}

fn key(principal: &str, name: &wire::SettingName) -> String {
    format!("{principal}/{name}")
}

fn view(principal: &str, name: wire::SettingName, value: String) -> wire::Setting {
    let kind = match name == MANAGED {
        true => wire::SettingType::AwsManaged,
        false => wire::SettingType::User,
    };
    wire::Setting {
        name: Some(name),
        principal_arn: Some(principal.to_owned()),
        r#type: Some(kind),
        value: Some(value),
    }
}

/// The values that a setting takes (API reference, `PutAccountSetting`).
fn allowed(name: &wire::SettingName) -> &'static [&'static str] {
    use wire::SettingName as Name;
    match name {
        Name::ContainerInsights => &["enhanced", "enabled", "disabled"],
        Name::TagResourceAuthorization => &["on", "off"],
        Name::FargateTaskRetirementWaitPeriod => &["0", "7", "14"],
        Name::DefaultLogDriverMode => &["blocking", "non-blocking"],
        _ => &SWITCH,
    }
}

/// The values of a new account.
fn initial(name: &wire::SettingName) -> &'static str {
    use wire::SettingName as Name;
    match name {
        Name::ServiceLongArnFormat
        | Name::TaskLongArnFormat
        | Name::ContainerInstanceLongArnFormat => "enabled",
        Name::TagResourceAuthorization => "on",
        Name::FargateTaskRetirementWaitPeriod => "7",
        Name::DefaultLogDriverMode => "non-blocking",
        Name::GuardDutyActivate => "off",
        _ => "disabled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_has_values_that_it_could_ask_for() {
        for name in wire::SettingName::VALUES.iter().copied() {
            let name = wire::SettingName::from(name);
            assert!(allowed(&name).contains(&initial(&name)), "{name}");
        }
    }

    #[test]
    fn a_principal_is_of_this_account() {
        let user = format!("arn:aws:iam::{ACCOUNT}:user/ann");
        assert_eq!(principal(Some(user.clone())).unwrap(), user);
        assert_eq!(principal(None).unwrap(), root());
        for given in [
            "ann",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::000000000000:",
        ] {
            assert!(principal(Some(given.into())).is_err(), "{given}");
        }
    }
}
