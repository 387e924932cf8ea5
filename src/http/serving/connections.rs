//! Connections: taken while there is room, cut off if their other end is too slow, and ended
//! together.
//!
//! Knows no call.

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::http::serving::patient::Patient;
use crate::http::settings::Settings;

/// How long nobody is taken after that failed, as when the process has no more descriptors.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait that can be added to an instant wherever it is.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);
/// The most bytes that a call has before its body.
const HEADER_MAX: usize = 64 << 10;

/// The connections of a service.
pub(crate) struct Connections {
    builder: http1::Builder,
    graceful: GracefulShutdown,
    places: Arc<Semaphore>,
    router: Router,
    /// Those that are dropped with it are cut off.
    served: JoinSet<()>,
    write_wait: Duration,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("served", &self.served.len()).finish_non_exhaustive()
    }
}

impl Connections {
    pub(crate) fn new(router: Router, settings: &Settings) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_wait.min(LONGEST))
            .max_buf_size(HEADER_MAX);
        let most = usize::try_from(settings.connections_max.get()).unwrap_or(usize::MAX);
        Self {
            builder,
            graceful: GracefulShutdown::new(),
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            router,
            served: JoinSet::new(),
            write_wait: settings.write_wait,
        }
    }

    /// Serves whoever connects until `until` is done. While all places are taken nobody is taken,
    /// and who connects waits with the system.
    pub(crate) async fn take(
        &mut self,
        mut accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<TcpStream>>,
        until: impl Future<Output = ()>,
    ) {
        let mut until = pin!(until);
        loop {
            let next = next(&self.places, &mut accept);
            let (stream, place) = tokio::select! {
                next = next => next,
                () = &mut until => return,
            };
            while self.served.try_join_next().is_some() {}
            self.serve(stream, place);
        }
    }

    fn serve(&mut self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // Answers are small and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(Patient::new(stream, self.write_wait));
        let calls = TowerToHyperService::new(self.router.clone());
        let served = self.graceful.watch(self.builder.serve_connection(io, calls));
        self.served.spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection was cut off");
            }
            drop(place);
        });
    }

    /// Ends all connections once what they are being answered is written, up to so long.
    pub(crate) async fn end(self, most: Duration) {
        // Who does not read the rest is not waited for.
        let _ = tokio::time::timeout(most, self.graceful.shutdown()).await;
    }
}

/// The next connection and its place.
async fn next(
    places: &Arc<Semaphore>,
    accept: &mut impl FnMut(&mut Context<'_>) -> Poll<io::Result<TcpStream>>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            // Places are never taken away.
            return pending().await;
        };
        match poll_fn(&mut *accept).await {
            Ok(stream) => return (stream, place),
            Err(error) if is_of_the_other_end(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether one connection failed before it was taken, which says nothing of the next.
fn is_of_the_other_end(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::{Read, Write};

    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    use super::*;

    /// `EMFILE` and `ENFILE`: no more descriptors.
    const NO_MORE: [i32; 2] = [24, 23];

    #[test]
    fn connections_are_taken_again_after_that_failed() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut failures = VecDeque::from([
                io::Error::from_raw_os_error(NO_MORE[0]),
                io::ErrorKind::ConnectionReset.into(),
                io::Error::from_raw_os_error(NO_MORE[1]),
            ]);
            let accept = move |cx: &mut Context<'_>| match failures.pop_front() {
                Some(failure) => Poll::Ready(Err(failure)),
                None => listener.poll_accept(cx).map_ok(|(stream, _)| stream),
            };
            let (answered, answer) = oneshot::channel();
            let caller = std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
                let mut front = [0; 12];
                stream.read_exact(&mut front).unwrap();
                answered.send(front).unwrap();
            });
            let call = async { assert_eq!(&answer.await.unwrap(), b"HTTP/1.1 404") };
            let mut connections = Connections::new(Router::new(), &Settings::default());
            let taken = connections.take(accept, call);
            tokio::time::timeout(Duration::from_secs(20), taken).await.unwrap();
            connections.end(Duration::from_secs(1)).await;
            caller.join().unwrap();
        });
    }
}
