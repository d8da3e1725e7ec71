//! What happens to a request: screened, matched, carried out.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use super::answer;
use super::body::ResponseBody;
use super::forward::{Choice, Sticky, forward};
use super::record::Record;
use super::screen::screen;
use crate::asked::Asked;
use crate::listener::Site;
use crate::peer::Peer;
use crate::routes::Step;

/// Answers a request, whatever happens.
pub(crate) async fn handle(
    site: Arc<Site>,
    client: Peer,
    mut request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let mut routes = site.routes();
    let mut record = Record::begin(site, routes.listener.clone(), client, &request);
    if let Err(refusal) = screen(&mut request, &record.site.context.limits) {
        return Ok(answer::refuse(refusal.status(), record));
    }
    loop {
        let route = routes.find(&Asked::of(&request, client.address.ip()));
        record.priority = route.priority;
        let split = match &route.step {
            Step::Forward(split) => split,
            Step::Redirect(redirect) => {
                record.action = "redirect";
                return Ok(answer::redirect(redirect, &request, record));
            }
            Step::FixedResponse(fixed) => {
                record.action = "fixed-response";
                return Ok(answer::fixed(fixed, record));
            }
        };
        let group = split.choose(request.headers()).cloned();
        let pick = group
            .as_ref()
            .map(|group| group.pick_for(request.headers()));
        let stickiness = pick.as_ref().and_then(|pick| pick.stickiness);
        let first = pick.and_then(|pick| pick.in_flight);
        if first.is_none() {
            // The group may have gone because other rules came into force meanwhile.
            let current = record.site.routes();
            if !Arc::ptr_eq(&routes, &current) {
                routes = current;
                continue;
            }
        }
        record.action = "forward";
        let sticky = Sticky {
            group: split.stickiness,
            target: stickiness,
        };
        let choice = Choice {
            group,
            first,
            sticky,
        };
        return Ok(forward(choice, request, record).await);
    }
}
