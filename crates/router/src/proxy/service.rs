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
use super::unread::answer_unread;
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
        let answer = answer::refuse(refusal.status(), record);
        return Ok(answer_unread(request, answer).await);
    }
    loop {
        let route = routes.find(&Asked::of(&request, client.address.ip()));
        record.priority = route.priority;
        let split = match &route.step {
            Step::Forward(split) => split,
            Step::Redirect(redirect) => {
                record.action = "redirect";
                let answer = answer::redirect(redirect, &request, record);
                return Ok(answer_unread(request, answer).await);
            }
            Step::FixedResponse(fixed) => {
                record.action = "fixed-response";
                let answer = answer::fixed(fixed, record);
                return Ok(answer_unread(request, answer).await);
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
