//! Attributes of listeners: read back, and taken where they ask for what there is.

use std::collections::BTreeMap;

use seaway_aws_wire::elbv2 as wire;

use super::attributes::LISTENER;
use super::error::ElbError;
use super::{Elbv2, listeners};

impl Elbv2 {
    pub(super) fn describe_listener_attributes(
        &self,
        request: wire::DescribeListenerAttributesRequest,
    ) -> Result<wire::DescribeListenerAttributesResponse, ElbError> {
        let documents = self.balancing.documents();
        listeners::find(&documents, &request.listener_arn)?;
        Ok(wire::DescribeListenerAttributesResponse {
            attributes: Some(all()),
        })
    }

    /// Only the defaults are taken, so there is nothing to be kept.
    pub(super) fn modify_listener_attributes(
        &self,
        request: wire::ModifyListenerAttributesRequest,
    ) -> Result<wire::ModifyListenerAttributesResponse, ElbError> {
        let documents = self.balancing.documents();
        listeners::find(&documents, &request.listener_arn)?;
        let given = request.attributes.into_iter();
        LISTENER.read(given.map(|attribute| (attribute.key, attribute.value)))?;
        Ok(wire::ModifyListenerAttributesResponse {
            attributes: Some(all()),
        })
    }
}

fn all() -> Vec<wire::ListenerAttribute> {
    let attribute = |(key, value)| wire::ListenerAttribute {
        key: Some(key),
        value: Some(value),
    };
    LISTENER.describe(&BTreeMap::new()).map(attribute).collect()
}
