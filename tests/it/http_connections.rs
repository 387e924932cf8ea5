//! Connections to a service in this process: too slow, too many, long, and ended in time.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mailrota::http::Settings;
use tokio::sync::oneshot;

use crate::http_world::{World, settings};

/// Short for a person, long for a machine.
const SOON: Duration = Duration::from_millis(200);

/// A service on a socket until it is dropped.
struct Open {
    world: World,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Open {
    fn with(settings: Settings) -> Self {
        let world = World::with(settings);
        world.set_up(1);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, told) = oneshot::channel();
        let service = world.service.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let told = async { drop(told.await) };
                service.serve(listener, told).await.unwrap();
            });
        });
        Self { world, address, stop: Some(stop), thread: Some(thread) }
    }

    /// A connection on which something was sent.
    fn connect(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// A call up to its body, of which so many bytes are to come.
    fn call(&self, method: &str, path: &str, length: usize) -> String {
        let key = &self.world.keys[0];
        format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\
             content-length: {length}\r\n\r\n"
        )
    }

    /// A call that runs, and awaits so many bytes of a body.
    fn begun(&self, length: usize) -> TcpStream {
        let call = self.call("POST", "/campaigns/create", length);
        let call = call.replace("host: a", "host: a\r\nexpect: 100-continue");
        let mut stream = self.connect(&call);
        let mut told = [0; 25];
        stream.read_exact(&mut told).unwrap();
        assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream
    }

    /// Tells it to stop, and how long it took.
    fn stopped(&mut self) -> Duration {
        let began = began();
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
        began.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a machine takes is read off its clock")]
fn began() -> Instant {
    Instant::now()
}

/// What comes until the other end closes; a reset is an end too, and silence is none.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).map_err(|error| error.kind());
    assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "it is open: {ended:?}");
    String::from_utf8(bytes).unwrap()
}

fn answers(stream: &mut TcpStream) -> bool {
    let mut front = [0; 12];
    stream.read_exact(&mut front).is_ok() && &front == b"HTTP/1.1 200"
}

#[test]
fn a_call_that_does_not_come_in_time_is_cut_off() {
    let open = Open::with(settings().header_wait(SOON));
    for front in ["", "GET /healthz HTTP/1.1\r\nhost: a\r\nx: "] {
        assert_eq!(rest(&mut open.connect(front)), "", "{front}");
    }
    // A connection that is kept open is closed once it is idle for as long.
    let mut kept = open.connect("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(rest(&mut kept).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_body_that_does_not_come_in_time_is_refused() {
    let open = Open::with(settings().body_wait(SOON));
    let mut stream = open.begun(100);
    stream.write_all(b"{").unwrap();
    let told = rest(&mut stream);
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    let body = r#"{"error":"the body did not come within 0.2 seconds","code":"timeout"}"#;
    assert!(told.ends_with(body), "{told}");
}

#[test]
fn who_does_not_read_its_answers_is_cut_off() {
    let open = Open::with(settings().write_wait(SOON));
    // More than the system keeps for somebody who does not read.
    let call = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = open.connect(&call.repeat(500));
    std::thread::sleep(SOON * 15);
    let told = rest(&mut stream).matches("HTTP/1.1 200").count();
    assert!((1..500).contains(&told), "{told} answers");
}

/// Also while it is silent for longer than any of them.
#[test]
fn a_stream_of_events_outlives_every_wait() {
    let short = settings().header_wait(SOON).body_wait(SOON).write_wait(SOON).heartbeat(SOON * 4);
    let open = Open::with(short);
    let mut stream = open.connect(&open.call("GET", "/rotation/events", 0));
    let mut told = String::new();
    while told.matches("\n:").count() < 3 {
        let mut some = [0; 1_000];
        let n = stream.read(&mut some).unwrap();
        assert!(n > 0, "it ended after {told}");
        told.push_str(std::str::from_utf8(&some[..n]).unwrap());
    }
}

#[test]
fn who_reads_slowly_and_steadily_is_served() {
    let open = Open::with(settings().write_wait(SOON * 5));
    let call = "GET /api/v1/openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = open.connect(&call.repeat(300));
    let mut some = vec![0; 4 << 20];
    // Twice as long in all as a write may wait.
    for time in 0..6 {
        std::thread::sleep(SOON * 2);
        let mut left: usize = 6 << 20;
        while left > 0 {
            let n = stream.read(&mut some).unwrap();
            assert!(n > 0, "it was cut off after {time} times");
            left = left.saturating_sub(n);
        }
    }
}

#[test]
fn waits_may_be_as_long_as_can_be_said() {
    let most = Duration::MAX;
    let waits = settings().header_wait(most).body_wait(most).write_wait(most);
    let open = Open::with(waits.heartbeat(most).drain_max(most));
    assert!(answers(&mut open.connect("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")));
    assert!(answers(&mut open.connect(&(open.call("POST", "/campaigns/create", 2) + "{}"))));
    assert!(answers(&mut open.connect(&open.call("GET", "/rotation/events", 0))));
}

#[test]
fn who_connects_beyond_the_limit_waits_for_a_place() {
    let open = Open::with(settings().connections_max(NonZeroU32::new(2).unwrap()));
    let call = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut placed = [open.connect(call), open.connect(call)];
    assert!(placed.iter_mut().all(answers));
    let mut third = open.connect(call);
    third.set_read_timeout(Some(SOON)).unwrap();
    assert!(!answers(&mut third), "there are two places");
    drop(placed);
    third.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(answers(&mut third), "there is a place now");
}

#[test]
fn a_call_that_never_ends_keeps_the_service_no_longer_than_its_limit() {
    let limit = Duration::from_secs(4);
    let mut open = Open::with(settings().drain_max(limit));
    let _slow = open.begun(100);
    let took = open.stopped();
    assert!(took > limit / 4, "nothing kept it: {took:?}");
    assert!(took < limit + Duration::from_secs(1), "{took:?}");
}

#[test]
fn what_runs_is_written_before_the_end() {
    for n in 0..10 {
        let mut open = Open::with(settings());
        let mut slow = open.begun(2);
        drop(open.stop.take());
        std::thread::sleep(Duration::from_millis(20 + n));
        slow.write_all(b"{}").unwrap();
        let told = rest(&mut slow);
        assert!(told.starts_with("HTTP/1.1 200") && told.ends_with('}'), "{n}: {told:?}");
        open.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn what_is_asked_while_the_service_stops_is_refused() {
    let mut open = Open::with(settings());
    let mut slow = open.begun(2);
    drop(open.stop.take());
    let ready = "GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n";
    while answers(&mut open.connect(ready)) {}
    let mut told = [0; 12];
    open.connect(&open.call("GET", "/campaigns", 0)).read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 503");
    slow.write_all(b"{}").unwrap();
    assert!(answers(&mut slow), "what runs is finished");
    open.thread.take().unwrap().join().unwrap();
}
