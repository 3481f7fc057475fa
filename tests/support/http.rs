//! Just enough HTTP to ask pgweir how it is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

/// The JSON at this path.
pub fn json(http: SocketAddr, path: &str) -> serde_json::Value {
    let mut socket = TcpStream::connect(http).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: pgweir\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
}

/// Returns once the client with this id is in this state.
pub fn wait_for_state(http: SocketAddr, id: u32, state: &str) {
    let begun = Instant::now();
    loop {
        let clients = json(http, "/api/clients");
        let client = clients.as_array().unwrap().iter().find(|client| client["id"] == id).cloned();
        if client.as_ref().is_some_and(|client| client["state"] == state) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not {state}: {client:?}");
        thread::yield_now();
    }
}
