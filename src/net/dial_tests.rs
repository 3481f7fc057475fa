//! What the kernel is told about a connection to a server.

use super::*;

/// `keepalive idle interval count user_timeout` of a socket that was dialled so.
async fn check(tcp: Tcp, expected: &str) {
    let there = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address {
        host: "127.0.0.1".to_owned(),
        hostaddr: None,
        port: there.local_addr().unwrap().port(),
        tls_mode: TlsMode::Disable,
        negotiation: TlsNegotiation::Postgres,
        tls: None,
        tcp,
        names: Names::default(),
    };
    let Stream::Tcp(socket) = address.dial().await.unwrap() else { panic!("not TCP") };
    assert_eq!(told(&socket), expected, "{tcp:?}");
}

fn told(socket: &TcpStream) -> String {
    let socket = SockRef::from(socket);
    format!(
        "{} {:?} {:?} {} {:?}",
        socket.keepalive().unwrap(),
        socket.tcp_keepalive_time().unwrap(),
        socket.tcp_keepalive_interval().unwrap(),
        socket.tcp_keepalive_retries().unwrap(),
        socket.tcp_user_timeout().unwrap().unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_vanished_server_is_noticed() {
    let second = Duration::from_secs;
    check(Tcp::default(), "true 60s 10s 3 0ns").await;
    let own = Tcp { idle: second(7), interval: second(2), count: 4, user_timeout: second(9), ..Tcp::default() };
    check(own, "true 7s 2s 4 9s").await;
}

#[tokio::test]
async fn what_is_zero_stays_as_the_system_has_it() {
    let zero = Duration::ZERO;
    let there = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = told(&TcpStream::connect(there.local_addr().unwrap()).await.unwrap());
    let none = Tcp { keepalive: true, idle: zero, interval: zero, count: 0, user_timeout: zero };
    check(none, &plain.replace("false", "true")).await;
    check(Tcp { keepalive: false, ..none }, &plain).await;
}
