//! Listeners.

use std::sync::Arc;

use seaway_aws_wire::elbv2 as wire;

use super::error::ElbError;
use super::names::{Kind, listener_arn, rule_arn};
use super::paging::page;
use super::protocols::Given;
use super::{Elbv2, actions, load_balancers, protocols, tags};
use crate::balancing::{Documents, Listener, Tags};

/// Listeners of one load balancer.
const MOST: usize = 50;

impl Elbv2 {
    pub(super) fn create_listener(
        &self,
        request: wire::CreateListenerRequest,
    ) -> Result<wire::CreateListenerResponse, ElbError> {
        if request.protocol.is_none() {
            return Err(ElbError::validation(
                "A listener protocol must be specified",
            ));
        }
        let listener = new(request)?;
        let listener = self.change(|documents| {
            load_balancers::find(documents, &listener.load_balancer)?;
            actions::check_target_groups(documents, &listener.default)?;
            let siblings: Vec<_> = documents.listeners_of(&listener.load_balancer).collect();
            if let Some(known) = siblings.iter().find(|known| known.port == listener.port) {
                let same = known.default == listener.default && known.tls == listener.tls;
                return match same {
                    true => Ok(Arc::clone(known)),
                    false => Err(ElbError::DuplicateListener),
                };
            }
            if siblings.len() >= MOST {
                return Err(ElbError::TooManyListeners);
            }
            let listener = Arc::new(listener);
            documents
                .listeners
                .insert(listener.arn.clone(), Arc::clone(&listener));
            Ok(listener)
        })?;
        Ok(wire::CreateListenerResponse {
            listeners: Some(vec![to_wire(&listener)]),
        })
    }

    pub(super) fn describe_listeners(
        &self,
        request: wire::DescribeListenersRequest,
    ) -> Result<wire::DescribeListenersResponse, ElbError> {
        let documents = self.balancing.documents();
        let arns = request.listener_arns.filter(|arns| !arns.is_empty());
        let listeners: Vec<Arc<Listener>> = match (arns, request.load_balancer_arn) {
            (Some(arns), _) => arns
                .iter()
                .map(|arn| find(&documents, arn).cloned())
                .collect::<Result<_, _>>()?,
            (None, Some(balancer)) => {
                load_balancers::find(&documents, &balancer)?;
                documents.listeners_of(&balancer).cloned().collect()
            }
            (None, None) => {
                return Err(ElbError::validation(
                    "You must specify either listener ARNs or a load balancer ARN",
                ));
            }
        };
        let page = page(
            listeners,
            |listener| format!("{} {:05}", listener.load_balancer, listener.port),
            request.marker.as_deref(),
            request.page_size,
        )?;
        Ok(wire::DescribeListenersResponse {
            listeners: Some(
                page.items
                    .iter()
                    .map(|listener| to_wire(listener))
                    .collect(),
            ),
            next_marker: page.next,
        })
    }

    pub(super) fn modify_listener(
        &self,
        request: wire::ModifyListenerRequest,
    ) -> Result<wire::ModifyListenerResponse, ElbError> {
        let given = Given {
            protocol: request.protocol,
            certificates: request.certificates,
            policy: request.ssl_policy,
            mutual: request.mutual_authentication,
        };
        let default = request
            .default_actions
            .filter(|actions| !actions.is_empty());
        let default = default.map(actions::from_wire).transpose()?;
        let port = request.port.map(port).transpose()?;
        let listener = self.change(|documents| {
            let mut listener = Arc::clone(find(documents, &request.listener_arn)?);
            if let Some(port) = port {
                let clashes =
                    |other: &Arc<Listener>| other.port == port && other.arn != listener.arn;
                if documents.listeners_of(&listener.load_balancer).any(clashes) {
                    return Err(ElbError::DuplicateListener);
                }
                Arc::make_mut(&mut listener).port = port;
            }
            let tls = given.read(listener.tls.as_ref())?;
            Arc::make_mut(&mut listener).tls = tls;
            if let Some(default) = default {
                actions::check_target_groups(documents, &default)?;
                Arc::make_mut(&mut listener).default = default;
            }
            documents
                .listeners
                .insert(listener.arn.clone(), Arc::clone(&listener));
            Ok(listener)
        })?;
        Ok(wire::ModifyListenerResponse {
            listeners: Some(vec![to_wire(&listener)]),
        })
    }

    /// Deletes its rules, too.
    pub(super) fn delete_listener(
        &self,
        request: wire::DeleteListenerRequest,
    ) -> Result<wire::DeleteListenerResponse, ElbError> {
        let arn = request.listener_arn;
        self.change(|documents| {
            find(documents, &arn)?;
            documents.listeners.remove(&arn);
            documents.rules.retain(|_, rule| rule.listener != arn);
            Ok(wire::DeleteListenerResponse {})
        })
    }
}

/// The listener that a request names.
pub(super) fn find<'a>(documents: &'a Documents, arn: &str) -> Result<&'a Arc<Listener>, ElbError> {
    Kind::Listener.check(arn)?;
    documents
        .listeners
        .get(arn)
        .ok_or(ElbError::ListenerNotFound)
}

fn new(request: wire::CreateListenerRequest) -> Result<Listener, ElbError> {
    let port = request.port.map(port).transpose()?;
    let port = port.ok_or_else(|| ElbError::validation("A listener port must be specified"))?;
    Kind::LoadBalancer.check(&request.load_balancer_arn)?;
    let arn = listener_arn(&request.load_balancer_arn);
    let given = Given {
        protocol: request.protocol,
        certificates: request.certificates,
        policy: request.ssl_policy,
        mutual: request.mutual_authentication,
    };
    Ok(Listener {
        tls: given.read(None)?,
        load_balancer: request.load_balancer_arn,
        port,
        default: actions::from_wire(request.default_actions)?,
        default_rule: rule_arn(&arn),
        tags: tags::from_wire(request.tags)?,
        default_rule_tags: Tags::new(),
        arn,
    })
}

fn port(port: i32) -> Result<u16, ElbError> {
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    port.ok_or_else(|| ElbError::validation("The listener port must be between 1 and 65535"))
}

fn to_wire(listener: &Listener) -> wire::Listener {
    let described = wire::Listener {
        default_actions: Some(vec![actions::to_wire(&listener.default)]),
        listener_arn: Some(listener.arn.clone()),
        load_balancer_arn: Some(listener.load_balancer.clone()),
        port: Some(listener.port.into()),
        ..wire::Listener::default()
    };
    protocols::describe(listener.tls.as_ref(), described)
}
