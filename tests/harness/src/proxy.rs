//! A network between two processes that can be cut: a proxy for TCP on loopback.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

/// Passes on what comes, both ways, unless it is cut.
pub struct Proxy {
    address: SocketAddr,
    wires: Arc<Mutex<Wires>>,
}

#[derive(Default)]
struct Wires {
    is_cut: bool,
    has_ended: bool,
    /// Both ends of every connection.
    ends: Vec<TcpStream>,
}

impl Proxy {
    /// Listens on a free port for connections to `upstream`, `host:port`.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(upstream: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listening for a proxy")?;
        let address = listener.local_addr().context("the address of a proxy")?;
        let wires = Arc::<Mutex<Wires>>::default();
        let (shared, upstream) = (Arc::clone(&wires), upstream.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if lock(&shared).has_ended {
                    break;
                }
                // One that cannot be connected is dropped: so it is refused at the near end too.
                let _ = connect(&shared, near, &upstream);
            }
        });
        Ok(Self { address, wires })
    }

    /// Where to connect in place of the upstream.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection, and each that is tried from now on.
    pub fn cut(&self) {
        let mut wires = lock(&self.wires);
        wires.is_cut = true;
        for end in wires.ends.drain(..) {
            // Fails where the other side was faster.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        lock(&self.wires).is_cut = false;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        lock(&self.wires).has_ended = true;
        // Wakes the thread that listens, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(wires: &Mutex<Wires>) -> MutexGuard<'_, Wires> {
    wires.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(wires: &Mutex<Wires>, near: TcpStream, upstream: &str) -> std::io::Result<()> {
    let mut wires = lock(wires);
    if wires.is_cut {
        return Ok(());
    }
    let far = TcpStream::connect(upstream)?;
    for (from, to) in [(&near, &far), (&far, &near)] {
        from.set_nodelay(true)?;
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            // However it ends, the other way ends too.
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
    }
    wires.ends.extend([near, far]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// Answers every byte with itself.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
            }
        });
        address
    }

    fn says(stream: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
        let mut answer = [0];
        stream.write_all(&[byte])?;
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    }

    #[test]
    fn what_is_cut_breaks_and_what_is_mended_goes_through() {
        let proxy = Proxy::start(&echo()).unwrap();
        let mut before = TcpStream::connect(proxy.address()).unwrap();
        assert_eq!(says(&mut before, 7).unwrap(), 7);
        proxy.cut();
        assert!(says(&mut before, 8).is_err(), "it was cut");
        let mut meanwhile = TcpStream::connect(proxy.address()).unwrap();
        assert!(says(&mut meanwhile, 9).is_err(), "nothing goes through");
        proxy.mend();
        let mut after = TcpStream::connect(proxy.address()).unwrap();
        assert_eq!(says(&mut after, 10).unwrap(), 10);
    }
}
