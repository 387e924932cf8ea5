//! Serving on a socket, and stopping without losing anything.

use std::future::Future;
use std::task::Context;

use tokio::net::TcpListener;

use crate::http::service::Service;
use crate::http::serving::connections::Connections;
use crate::store::StoreError;

/// Why serving ended badly.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The store could not be closed; what was answered is safe all the same.
    Store(StoreError),
}

impl std::fmt::Display for ServeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => write!(f, "the store could not be closed: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

impl Service {
    /// Serves on a socket until `stop` is done. Then every call that runs is finished, new ones are
    /// answered 503, within [`Settings::drain_max`](crate::http::Settings::drain_max) all
    /// connections are ended, and the store is closed.
    ///
    /// A socket that takes no connection for a while, as when the process has no more descriptors,
    /// is tried again.
    ///
    /// # Errors
    /// [`ServeError`] if the store failed as it was closed.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let settings = self.settings();
        let drained = async {
            stop.await;
            tracing::info!("stopping: finishing what runs, refusing what is new");
            self.stop();
            let most = settings.calls_drain_max();
            if tokio::time::timeout(most, self.at_rest()).await.is_err() {
                tracing::warn!("some calls still run and are left behind");
            }
        };
        let mut connections = Connections::new(self.router(), settings);
        let accept = move |cx: &mut Context<'_>| listener.poll_accept(cx).map_ok(|(one, _)| one);
        connections.take(accept, drained).await;
        // A connection that is kept open by its other end does not keep the service.
        connections.end(settings.flush_max()).await;
        let closed = match self.engine().cloned() {
            Some(engine) => tokio::task::spawn_blocking(move || engine.close()).await,
            None => Ok(Ok(())),
        };
        match closed {
            Ok(closed) => closed.map_err(ServeError::Store),
            Err(_) => Err(ServeError::Store(StoreError::Panicked)),
        }
    }
}
