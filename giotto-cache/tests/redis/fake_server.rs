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

/// Answers each command, however many of them one read brings: with one answer too few, every later call would get
/// that to the call before.
fn say(mut stream: TcpStream, answer: impl Fn() -> Option<Vec<u8>>) {
    let mut asked = [0; 1 << 16];
    while let Ok(read @ 1..) = stream.read(&mut asked) {
        let lines = asked[..read].split(|byte| *byte == b'\n');
        let commands = lines.filter(|line| line.starts_with(b"*")).count();
        for reply in (0..commands).map_while(|_| answer()) {
            if stream.write_all(&reply).is_err() {
                return;
            }
        }
    }
}
