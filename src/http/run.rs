//! Serving on a socket, and stopping without losing anything.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::http::service::Service;
use crate::store::StoreError;

/// Why serving ended badly.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The socket failed.
    Io(io::Error),
    /// The store could not be closed; what was answered is safe all the same.
    Store(StoreError),
}

impl std::fmt::Display for ServeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the socket failed: {error}"),
            Self::Store(error) => write!(f, "the store could not be closed: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// How long a connection that is not done may still be written to once every call has ended.
const FLUSH: Duration = Duration::from_secs(2);

impl Service {
    /// Serves on a socket until `stop` is done. Then every call that runs is finished, up to
    /// [`Settings::drain_max`](crate::http::Settings::drain_max), new ones are answered 503, and
    /// the store is closed.
    ///
    /// # Errors
    /// [`ServeError`] if the socket failed, or the store as it was closed.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let service = self.clone();
        let drain = tokio::spawn(async move {
            stop.await;
            tracing::info!("stopping: finishing what runs, refusing what is new");
            service.stop();
            let drain_max = service.settings().drain_max;
            if tokio::time::timeout(drain_max, service.at_rest()).await.is_err() {
                tracing::warn!("some calls still run and are left behind");
            }
            // If nobody listens, serving has ended already.
            let _ = tell.send(());
            tokio::time::sleep(FLUSH).await;
        });
        let shut = async move {
            // A sender that is gone is as good as told.
            let _ = told.await;
        };
        let served = axum::serve(listener, self.router()).with_graceful_shutdown(shut);
        // A connection that is kept open by its other end does not keep the service.
        let ended = tokio::select! {
            ended = served => ended,
            _ = drain => Ok(()),
        };
        self.stop();
        let closed = match self.engine().cloned() {
            Some(engine) => tokio::task::spawn_blocking(move || engine.close()).await,
            None => Ok(Ok(())),
        };
        ended.map_err(ServeError::Io)?;
        match closed {
            Ok(closed) => closed.map_err(ServeError::Store),
            Err(_) => Err(ServeError::Store(StoreError::Panicked)),
        }
    }
}
