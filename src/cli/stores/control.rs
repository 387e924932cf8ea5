//! The way to a store that a service has open: a socket beside it, for whoever may read the store.
//!
//! The service answers there what the command `keys` asks. One request and one answer a connection,
//! each one line of JSON. Only the user that runs the service can connect.

use std::path::{Path, PathBuf};

#[cfg(not(unix))]
use crate::cli::stores::keyring::{Answer, Ask};
use crate::cli::stores::path;

/// Where the socket of a store is.
pub(crate) fn place(store: &Path) -> PathBuf {
    let mut name = path::file(store).into_os_string();
    name.push("-control");
    name.into()
}

#[cfg(not(unix))]
pub(crate) fn call(_: &Path, _: &Ask) -> Option<Answer> {
    None
}

#[cfg(unix)]
pub(crate) use unix::{Control, call};

#[cfg(unix)]
mod unix {
    use std::fs::{self, DirBuilder, Permissions};
    use std::io::{self, ErrorKind, Read, Write};
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
    use std::os::unix::net::UnixStream;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use mailrota::{Clock, DurableEngine};
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::UnixListener;

    use crate::cli::stores::control::place;
    use crate::cli::stores::keyring::{Answer, Ask, answer};

    /// The longest request, in bytes.
    const ASK_MAX: u64 = 4_096;
    /// There is no socket, one that a service left behind when it was killed, or there can be none
    /// since its path would be too long.
    const NOBODY: [ErrorKind; 3] =
        [ErrorKind::ConnectionRefused, ErrorKind::InvalidInput, ErrorKind::NotFound];
    /// How long either end waits for the other.
    const WAIT: Duration = Duration::from_secs(30);

    /// Asks the service that has a store open; nothing if there is none.
    pub(crate) fn call(store: &Path, ask: &Ask) -> Option<Answer> {
        let place = place(store);
        let mut stream = match UnixStream::connect(&place) {
            Ok(stream) => stream,
            Err(error) if NOBODY.contains(&error.kind()) => return None,
            Err(error) => return Some(Err(unreachable(&place, &error))),
        };
        let answered = exchange(&mut stream, ask);
        Some(answered.unwrap_or_else(|error| Err(unreachable(&place, &error))))
    }

    fn exchange(stream: &mut UnixStream, ask: &Ask) -> io::Result<Answer> {
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        let mut line = serde_json::to_string(ask)?;
        line.push('\n');
        stream.write_all(line.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    }

    fn unreachable(place: &Path, error: &io::Error) -> String {
        let place = place.display();
        format!("the service at {place} gives no answer: {error}; try again as the user it runs as")
    }

    /// The socket of a store that is open, until it is dropped.
    #[derive(Debug)]
    pub(crate) struct Control {
        place: PathBuf,
        /// Device and number of the socket that was made.
        made: Option<(u64, u64)>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Control {
        /// Listens beside a store that this process has open; one that is left there is replaced.
        ///
        /// # Errors
        /// If no socket can be made there, as when its path is longer than sockets may have, or
        /// something else is there.
        pub(crate) fn open(store: &Path, engine: DurableEngine, clock: Clock) -> io::Result<Self> {
            let place = place(store);
            let listener = bind(&place)?;
            let made = identity(&place);
            let task = tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            let served = serve(stream, engine.clone(), clock.clone());
                            tokio::spawn(tokio::time::timeout(WAIT, served));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the control socket takes no connection");
                            tokio::time::sleep(Duration::from_secs(1)).await;
                        }
                    }
                }
            });
            Ok(Self { place, made, task })
        }
    }

    impl Drop for Control {
        fn drop(&mut self) {
            self.task.abort();
            // Whoever finds it all the same is refused, and opens the store itself.
            // What somebody else put there stays.
            if self.made.is_some() && identity(&self.place) == self.made {
                let _ = fs::remove_file(&self.place);
            }
        }
    }

    /// Makes the socket in a folder that nobody else can enter, and moves it to its place once only
    /// its user may connect.
    fn bind(place: &Path) -> io::Result<UnixListener> {
        let mut folder = place.as_os_str().to_owned();
        folder.push(".new");
        let folder = PathBuf::from(folder);
        let path = folder.join("s");
        clear(&folder, &path);
        DirBuilder::new().mode(0o700).create(&folder)?;
        let made = || {
            if fs::symlink_metadata(place).is_ok_and(|meta| !meta.file_type().is_socket()) {
                let told = format!("{} is there and is no socket", place.display());
                return Err(io::Error::new(ErrorKind::AlreadyExists, told));
            }
            let listener = UnixListener::bind(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            fs::rename(&path, place)?;
            Ok(listener)
        };
        let listener = made();
        clear(&folder, &path);
        listener
    }

    /// Takes away a socket that was not moved to its place, and its folder. Anything else that is
    /// in the folder stays, and so does the folder.
    fn clear(folder: &Path, path: &Path) {
        if fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(folder);
    }

    /// Device and number of what is somewhere.
    fn identity(place: &Path) -> Option<(u64, u64)> {
        fs::symlink_metadata(place).ok().map(|meta| (meta.dev(), meta.ino()))
    }

    /// Answers one request.
    async fn serve(
        mut stream: tokio::net::UnixStream,
        engine: DurableEngine,
        clock: Clock,
    ) -> io::Result<()> {
        let (read, mut write) = stream.split();
        let mut line = String::new();
        BufReader::new(read.take(ASK_MAX)).read_line(&mut line).await?;
        let answered: Answer = match serde_json::from_str::<Ask>(&line) {
            Ok(ask) => tokio::task::spawn_blocking(move || answer(&engine, &ask, &clock))
                .await
                .unwrap_or_else(|error| Err(error.to_string())),
            Err(error) => Err(format!("the request cannot be read: {error}")),
        };
        write.write_all(serde_json::to_string(&answered)?.as_bytes()).await?;
        write.shutdown().await
    }
}
