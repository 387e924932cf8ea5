//! The stream of events: from where on it tells, and when it ends.
//!
//! What is told is the feed's. A stream reads on from the feed at its own pace; one that falls so
//! far behind that events are no longer kept is ended.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::caller::Caller;
use crate::http::feed::{self, EventView, Found};
use crate::http::keys;
use crate::http::listeners::Place;
use crate::http::problem::Problem;
use crate::http::service::Service;
use crate::vocab::Timestamp;

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(events))
}

/// How many events a stream takes at once.
const TAKEN: usize = 100;

/// Tells what happens to the caller's accounts and campaigns, as it happens.
///
/// A stream of server-sent events: `cap_near`, `cap_reached`, `account_lost`, `campaign_starved`,
/// and `missed` if events after `Last-Event-ID` are no longer kept. It goes on until the caller
/// ends it, the key is revoked or the service stops.
#[utoipa::path(get, path = "/rotation/events", tag = "rotation",
    params(("Last-Event-ID" = Option<String>, Header,
        description = "The id of the last event that the caller has; what came after comes first")),
    responses((status = 200, description = "Events, each with `id`, `event` and `data`, which is a \
        RotationEvent as JSON; and a comment at least every 15 seconds", body = EventView,
        content_type = "text/event-stream")))]
async fn events(caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let Caller { key, owner, service, .. } = caller;
    let place = service.listeners().enter(key, service.settings(), service.clock());
    let place = place.map_err(Problem::TooMany)?;
    let news = service.feed().listen(owner);
    let newest = *news.borrow();
    let given = headers.get("last-event-id").map(|id| id.to_str().ok()?.trim().parse().ok());
    // What is no number of ours was not kept either.
    let (after, asked) = match given {
        None => (newest, false),
        Some(id) => (id.unwrap_or_default(), true),
    };
    let stop = service.stopping();
    let ready = VecDeque::from([Event::default().comment("listening")]);
    let listener =
        Listener { service, key, owner, after, asked, ready, news, stop, ended: false, place };
    let told = stream::unfold(listener, async |mut listener| {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    Ok(Sse::new(told).into_response())
}

/// Somebody who listens.
struct Listener {
    service: Service,
    key: u64,
    owner: crate::vocab::OwnerId,
    /// The last number that was told.
    after: u64,
    /// Whether that number is the caller's own word and not proven yet.
    asked: bool,
    ready: VecDeque<Event>,
    news: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    ended: bool,
    #[expect(dead_code, reason = "gives the place back when it is dropped")]
    place: Place,
}

impl Listener {
    /// What is told next; nothing if the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            // Asked before each, since a key that was revoked hears no more.
            if !self.may_listen() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            self.news.borrow_and_update();
            match self.service.feed().after(self.owner, self.after, TAKEN) {
                // It reads too slowly; it is told so when it comes back.
                Found::Missed(_) if !self.asked => return None,
                Found::Missed(before) => {
                    let (name, data) = feed::missed(self.now());
                    self.after = before;
                    self.ready.push_back(event(before, name, &data));
                }
                Found::Next(told) => {
                    self.after = told.last().map_or(self.after, |told| told.id);
                    self.ready.extend(told.iter().map(|one| event(one.id, one.name, &one.data)));
                }
            }
            self.asked = false;
            if self.ready.is_empty() {
                if self.ended {
                    return None;
                }
                self.wait().await;
            }
        }
    }

    /// Waits for news, for the end, or for so long that a sign of life is due.
    async fn wait(&mut self) {
        let settings = self.service.settings();
        let stops = tokio::select! {
            _ = self.news.changed() => false,
            _ = self.stop.wait_for(|stopping| *stopping) => true,
            () = tokio::time::sleep(settings.heartbeat) => {
                self.ready.push_back(Event::default().comment(""));
                false
            }
        };
        if stops {
            // What the calls that still run come to is told too.
            let most = settings.calls_drain_max();
            let _ = tokio::time::timeout(most, self.service.at_rest()).await;
            self.ended = true;
        }
    }

    /// Whether the key still opens.
    fn may_listen(&self) -> bool {
        let look = |engine: &crate::store::DurableEngine| {
            engine.look(|_, documents| keys::is_valid(documents, self.key))
        };
        self.service.engine().is_some_and(look)
    }

    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.service.clock().now()).unwrap_or(Timestamp::EPOCH)
    }
}

fn event(id: u64, name: &str, data: &str) -> Event {
    Event::default().id(id.to_string()).event(name).data(data)
}
