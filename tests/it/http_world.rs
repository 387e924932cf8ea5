//! A service in this process, its clock set by hand, and calls to it without a socket.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use mailrota::http::{Service, Settings, add_key};
use mailrota::{Clock, DurableEngine, MemoryDisk, MemoryJournal, Options, OwnerId};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::world::monday;

/// What a call was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// The status and the body, which is all that a caller can tell things apart by.
    pub(crate) fn told(&self) -> (u16, &str) {
        (self.status, &self.body)
    }
}

/// A service on a disk in memory, with two owners who have a key each.
pub(crate) struct World {
    pub(crate) disk: MemoryDisk,
    pub(crate) service: Service,
    pub(crate) clock: Clock,
    pub(crate) now: DateTime<Utc>,
    pub(crate) keys: [String; 2],
    router: Router,
    runtime: Runtime,
}

/// Limits that no test meets by chance.
pub(crate) fn settings() -> Settings {
    let many = NonZeroU32::new(1_000_000).unwrap();
    Settings::default().burst(many).per_minute(many)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let disk = MemoryDisk::new();
        let engine = open(&disk, monday());
        let key = |owner| add_key(&engine, OwnerId(owner), "test", monday()).unwrap().1;
        let keys = [key(1), key(2)];
        Self::on(disk, engine, settings, keys, monday())
    }

    fn on(
        disk: MemoryDisk,
        engine: DurableEngine,
        settings: Settings,
        keys: [String; 2],
        now: DateTime<Utc>,
    ) -> Self {
        let clock = Clock::by_hand(now);
        let service = Service::new(settings, clock.clone());
        service.open(engine);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let router = service.router();
        Self { disk, service, clock, now, keys, router, runtime }
    }

    /// The same with another service.
    pub(crate) fn serving(service: Service) -> Self {
        Self { router: service.router(), service, ..Self::new() }
    }

    pub(crate) fn engine(&self) -> &DurableEngine {
        self.service.engine().unwrap()
    }

    /// The process is gone without a word, and another opens what is on the disk.
    pub(crate) fn crashed(self) -> Self {
        let disk = self.disk.crash();
        let engine = open(&disk, self.now);
        Self::on(disk, engine, self.service.settings().clone(), self.keys, self.now)
    }

    pub(crate) fn pass(&mut self, time: TimeDelta) {
        self.now += time;
        self.clock.set(self.now);
    }

    /// Calls as the first owner.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_as(Some(&self.keys[0]), method, path, body, &[])
    }

    /// Lets the disk have room again, and waits until that is noticed, which is soon.
    pub(crate) fn make_room(&self) {
        self.disk.fail_writes(None);
        // It is looked for four times a second.
        for _ in 0..500 {
            // A change that changes nothing.
            if self.ask("POST", "/api/v1/email-accounts/1", "{}").status != 503 {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("room is not noticed");
    }

    pub(crate) fn ask_as(
        &self,
        key: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = request(key, method, path, body, headers);
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = to_bytes(body, usize::MAX).await.unwrap();
            let body = String::from_utf8(bytes.to_vec()).unwrap();
            Answer { status: parts.status.as_u16(), headers: parts.headers, body }
        })
    }

    /// Opens a stream.
    pub(crate) fn listen(&self, key: &str, path: &str, headers: &[(&str, &str)]) -> Stream<'_> {
        let request = request(Some(key), "GET", path, "", headers);
        let response = self.runtime.block_on(self.router.clone().oneshot(request)).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { body: response.into_body().into_data_stream(), runtime: &self.runtime }
    }

    /// A campaign that sends, and accounts in it, of the first owner.
    pub(crate) fn set_up(&self, accounts: u64) {
        for id in 1..=accounts {
            let saved = self.ask("POST", "/api/v1/email-accounts/save", &account_body(id));
            assert_eq!((saved.status, saved.json()["emailAccountId"].as_u64()), (200, Some(id)));
        }
        assert_eq!(self.ask("POST", "/api/v1/campaigns/create", "{}").status, 200);
        let ids: Vec<u64> = (1..=accounts).collect();
        let body = format!(r#"{{"email_account_ids":{ids:?}}}"#);
        assert_eq!(self.ask("POST", "/api/v1/campaigns/1/email-accounts", &body).status, 200);
        let started = self.ask("POST", "/api/v1/campaigns/1/status", r#"{"status":"START"}"#);
        assert_eq!(started.status, 200);
    }
}

/// An answer that goes on.
pub(crate) struct Stream<'a> {
    body: BodyDataStream,
    runtime: &'a Runtime,
}

impl Stream<'_> {
    /// What comes next, within a while; nothing if it has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        let next = async { tokio::time::timeout(Duration::from_secs(20), self.body.next()).await };
        let bytes = self.runtime.block_on(next).expect("nothing comes")?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }
}

fn request(
    key: Option<&str>,
    method: &str,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header(*name, value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// A sound account.
pub(crate) fn account_body(n: u64) -> String {
    format!(
        r#"{{"from_email":"a{n}@acme.example","max_email_per_day":50,"is_smtp_success":true,
            "is_imap_success":true,"warmup_reputation":"95%"}}"#
    )
}

fn open(disk: &MemoryDisk, now: DateTime<Utc>) -> DurableEngine {
    let journal = MemoryJournal::open(disk).unwrap();
    DurableEngine::with_journal(Box::new(journal), &Options::default(), now).unwrap()
}
