//! A Redis that keeps nothing on disk, and a connection to it: whoever asks puts out many commands, and writes once.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What starts the server; its log goes nowhere.
pub(crate) fn server(socket: &Path) -> Command {
    let mut command = Command::new(SERVER);
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(socket);
    command.stdout(Stdio::null());
    command
}

/// Adds a command to what will be written.
pub(crate) fn put(out: &mut Vec<u8>, words: &[&[u8]]) -> io::Result<()> {
    write!(out, "*{}\r\n", words.len())?;
    for word in words {
        put_bulk(out, word)?;
    }
    Ok(())
}

/// Adds bytes, in the form that they have in a command and in a reply.
pub(crate) fn put_bulk(out: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    write!(out, "${}\r\n", bytes.len())?;
    out.extend_from_slice(bytes);
    out.extend_from_slice(LINE_END);
    Ok(())
}

/// A connection of one client.
pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
    /// What the next [`Connection::flush`] writes.
    pub(crate) out: Vec<u8>,
    /// As long as it ever has to be: to clear it for each read would be dear.
    inbox: Vec<u8>,
    /// As much of `inbox` as has been read.
    filled: usize,
    /// As much of that as has been taken.
    taken: usize,
}

impl Connection {
    /// Waits until the server accepts it.
    pub(crate) fn open(socket: &Path) -> io::Result<Self> {
        let begun = Instant::now();
        loop {
            match UnixStream::connect(socket) {
                Err(error) if begun.elapsed() > START_WAIT_MAX => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(20)),
                Ok(stream) => {
                    return Ok(Self { stream, out: Vec::new(), inbox: Vec::new(), filled: 0, taken: 0 });
                }
            }
        }
    }

    /// Writes all of `out`.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    /// One read.
    pub(crate) fn read(&mut self) -> io::Result<()> {
        self.inbox.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        if self.inbox.len() < self.filled + READ_BYTES {
            self.inbox.resize(self.filled + READ_BYTES, 0);
        }
        match self.stream.read(&mut self.inbox[self.filled..])? {
            0 => Err(io::Error::other("Redis went away")),
            count => {
                self.filled += count;
                Ok(())
            }
        }
    }

    /// The next reply that is here as a whole, with the ends of its lines.
    pub(crate) fn reply(&mut self) -> io::Result<Option<&[u8]>> {
        let rest = &self.inbox[self.taken..self.filled];
        let Some(length) = reply_length(rest)? else {
            return Ok(None);
        };
        self.taken += length;
        Ok(Some(&rest[..length]))
    }
}

/// The bytes of the first reply; `None` if it is not here as a whole.
fn reply_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(line) = bytes.windows(LINE_END.len()).position(|two| two == LINE_END) else {
        return Ok(None);
    };
    let bad = || io::Error::other(format!("Redis says {:?}", String::from_utf8_lossy(&bytes[..line])));
    let head = line + LINE_END.len();
    match bytes[0] {
        b':' | b'+' => Ok(Some(head)),
        b'$' if &bytes[1..line] == b"-1" => Ok(Some(head)),
        b'$' => {
            let length: usize =
                str::from_utf8(&bytes[1..line]).ok().and_then(|text| text.parse().ok()).ok_or_else(bad)?;
            let whole = head + length + LINE_END.len();
            Ok((bytes.len() >= whole).then_some(whole))
        }
        // An error begins with a minus, and nobody asks for anything else.
        _ => Err(bad()),
    }
}

/// The program, as it is found on the path.
pub(crate) const SERVER: &str = "redis-server";

const LINE_END: &[u8] = b"\r\n";
/// As much as is read at a time.
const READ_BYTES: usize = 64 * 1024;
/// A server that cannot be reached by then has failed.
const START_WAIT_MAX: Duration = Duration::from_secs(8);
