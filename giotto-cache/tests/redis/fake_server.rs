//! A server that says the same to everything.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

/// What a server says on the connection of that number; `None` = it keeps quiet.
type Answer = Arc<dyn Fn(usize) -> Option<Vec<u8>> + Send + Sync>;

/// A server that says the same to everything.
pub(crate) fn fake_server(
    answer: impl Fn(usize) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let answer: Answer = Arc::new(answer);
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let (stream, answer) = (stream.expect("a connection"), Arc::clone(&answer));
            std::thread::spawn(move || say(stream, || answer(connection)));
        }
    });
    port
}

fn say(mut stream: TcpStream, answer: impl Fn() -> Option<Vec<u8>>) {
    let mut asked = [0; 1 << 16];
    while let Ok(1..) = stream.read(&mut asked) {
        if answer().is_some_and(|reply| stream.write_all(&reply).is_err()) {
            break;
        }
    }
}
