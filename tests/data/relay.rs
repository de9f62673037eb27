//! Ways to UNIX sockets that can be cut.

use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A way to a master that can be cut.
pub(crate) struct Relay {
    pub(crate) url: String,
    open: Arc<Mutex<Open>>,
}

/// What is carried now.
#[derive(Default)]
struct Open {
    is_cut: bool,
    streams: Vec<UnixStream>,
}

impl Relay {
    pub(crate) fn start(directory: &Path, name: &str, master: &Path) -> Self {
        let (path, master) = (directory.join(name), master.to_owned());
        let listener = UnixListener::bind(&path).unwrap();
        let open = Arc::new(Mutex::new(Open::default()));
        let relay = Self { url: format!("unix://{}", path.display()), open: open.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // One that is down is not reached.
                let Ok(other) = UnixStream::connect(&master) else { continue };
                let mut open = open.lock().unwrap();
                if !open.is_cut {
                    for (from, to) in [(&stream, &other), (&other, &stream)] {
                        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                        std::thread::spawn(move || carry(from, to));
                    }
                    open.streams.extend([stream, other]);
                }
            }
        });
        relay
    }

    pub(crate) fn cut(&self, is_cut: bool) {
        let mut open = self.open.lock().unwrap();
        open.is_cut = is_cut;
        if is_cut {
            open.streams.drain(..).for_each(|stream| close(&stream));
        }
    }
}

/// Carries one way until either end is closed.
fn carry(mut from: UnixStream, mut to: UnixStream) {
    // How it ended does not matter.
    drop(std::io::copy(&mut from, &mut to));
    close(&from);
    close(&to);
}

fn close(stream: &UnixStream) {
    // It may be closed already.
    drop(stream.shutdown(Shutdown::Both));
}
