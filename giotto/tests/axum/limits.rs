//! The server's own time limits: which clients of a route are cut, and which are not.

use std::thread;

use crate::client::{Connection, start};

#[test]
fn slow_clients_of_a_route_are_cut_and_slow_routes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = &start(folder.path(), false);
    thread::scope(|scope| {
        // It reads nothing of an endless body.
        let reader = scope.spawn(|| {
            let mut connection = Connection::to(server);
            connection.ask("GET", "/endless", "");
            assert_eq!(connection.head().status, 200);
            thread::sleep(std::time::Duration::from_secs(25));
            connection.rest().is_some()
        });
        let uploader = scope.spawn(|| {
            let mut connection = Connection::to(server);
            connection.ask("POST", "/count", "Content-Length: 100\r\n");
            connection.send("a");
            connection.reply("POST")
        });
        // The route says nothing for 13 s.
        let patient = scope.spawn(|| {
            let mut connection = Connection::to(server);
            connection.ask("GET", "/late", "");
            assert_eq!(connection.head().status, 200);
            [(); 3].map(|()| connection.chunk())
        });
        assert!(reader.join().unwrap(), "it is not cut");
        let (head, text) = uploader.join().unwrap();
        assert_eq!(head.status, 400);
        assert!(text.contains("the body is too slow"), "{text}");
        let chunks = patient.join().unwrap();
        assert_eq!(
            chunks,
            ["early ", "late", ""].map(|chunk| Some(chunk.to_owned()))
        );
    });
}
