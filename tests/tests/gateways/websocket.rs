//! Connections that become something else.

use std::net::TcpStream;

use tungstenite::{Message, client::IntoClientRequest, handshake::HandshakeError};

use crate::{setup::Setup, tokens};

type Socket = tungstenite::WebSocket<TcpStream>;

fn connect(setup: &Setup<'_>, token: Option<&str>) -> Result<Socket, u16> {
    let url = format!("ws://{}/api/live?since=1", setup.gateway.address());
    let mut request = url.into_client_request().expect("a request");
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
    }
    let stream = TcpStream::connect(setup.gateway.address()).expect("it listens");
    stream.set_read_timeout(Some(setup.example.patience)).expect("a socket");
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            Err(answer.status().as_u16())
        }
        Err(error) => panic!("no handshake: {error}"),
    }
}

pub(crate) fn passes_with_a_token(setup: &Setup<'_>) {
    for token in [None, Some(tokens::forged()[0].as_str())] {
        assert!(connect(setup, token).is_err_and(|status| status >= 400), "{token:?}");
        assert!(setup.upstream.take().is_empty(), "{token:?} passed");
    }
    let mut socket = connect(setup, Some(&tokens::good())).expect("a handshake");
    let arrived = setup.the_one();
    assert_eq!(arrived.target, "/api/live?since=1");
    assert_eq!(arrived.values("x-auth-request-groups"), ["users"]);
    assert_eq!(socket.read().expect("a message"), Message::text("hello"));
    for message in [Message::text("over"), Message::binary(vec![7; 100_000])] {
        socket.send(message.clone()).expect("it is open");
        assert_eq!(socket.read().expect("a message"), message);
    }
}

/// Behind another one, such as HTTP/2 without TLS, a client could send requests that no gateway sees.
pub(crate) fn is_the_only_upgrade(setup: &Setup<'_>) {
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    for protocol in ["h2c", "h2c, websocket"] {
        let headers = format!("Authorization: Bearer {}\r\n{upgrade}", tokens::good());
        setup.exchange("GET /api", &format!("{headers}Upgrade: {protocol}\r\n"));
        for arrived in setup.upstream.take() {
            let upgrades = arrived.values("upgrade").join(",").to_lowercase();
            assert!(!upgrades.contains("h2c"), "{upgrades} arrived");
        }
    }
}
