//! One request of each kind.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    Kind, Record, Shared,
    kind::HUNG_UP,
    users::{self, PASSWORD},
};
use crate::{
    contract,
    http::{Answer, Request, basic},
};

/// Between the pieces of a slow client's head.
const PAUSE: Duration = Duration::from_millis(100);
const PIECES: usize = 5;

/// Sends the request number `count` of client `number` of this kind. No answer at all is
/// status 0.
pub(super) fn send(shared: &Shared, kind: Kind, number: usize, count: usize) -> Record {
    let sent = Instant::now();
    let (status, is_right) = match kind {
        Kind::RightLogin => right_login(shared, &users::email("right", number)),
        Kind::WrongLogin => {
            // Clients begin at users far from each other.
            let user = users::email("wrong", number * 101 + count);
            log_in(shared, &user, "not the password")
        }
        Kind::UnknownLogin => log_in(shared, &format!("{number}-{count}@example.org"), PASSWORD),
        Kind::SlowLogin => slow_login(shared, number),
        Kind::AbortedLogin => aborted_login(shared, count),
        Kind::GoodToken => good_token(shared, count),
        Kind::ExpiredToken => (validate(shared, count, &expired()).0, true),
        Kind::GarbageToken => (validate(shared, count, &garbage(&shared.token(), count)).0, true),
    };
    Record { kind, sent, took: sent.elapsed(), status, is_right }
}

fn answered(request: Request) -> (u16, Option<Answer>) {
    let answer = request.try_send().ok();
    (answer.as_ref().map_or(0, |answer| answer.status), answer)
}

fn log_in(shared: &Shared, email: &str, password: &str) -> (u16, bool) {
    let url = format!("{}/login", shared.targets().login);
    (answered(Request::new("POST", &url).basic(email, password)).0, true)
}

/// The token has to be that user's.
fn right_login(shared: &Shared, email: &str) -> (u16, bool) {
    let url = format!("{}/login", shared.targets().login);
    let (status, answer) = answered(Request::new("POST", &url).basic(email, PASSWORD));
    let Some(answer) = answer.filter(|_| status == 200) else { return (status, true) };
    let is_right = payload(answer.text()).is_some_and(|claims| {
        serde_json::from_slice::<Value>(&claims).is_ok_and(|claims| claims["username"] == email)
    });
    if is_right {
        shared.take_token(answer.text());
    }
    (status, is_right)
}

/// The answer has to be what the token holds.
fn good_token(shared: &Shared, count: usize) -> (u16, bool) {
    let token = shared.token();
    let (status, answer) = validate(shared, count, &token);
    let same = answer.is_some_and(|answer| Some(answer.body) == payload(&token));
    (status, status != 200 || same)
}

fn validate(shared: &Shared, count: usize, token: &str) -> (u16, Option<Answer>) {
    let instances = shared.targets().validate;
    let url = format!("{}/validate", instances[count % instances.len()]);
    answered(Request::new("GET", &url).bearer(token))
}

fn payload(token: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()
}

fn expired() -> String {
    contract::token_with(&json!({ "username": "a@b", "admin": true, "iat": 1, "exp": 2 }))
}

fn garbage(token: &str, count: usize) -> String {
    let foreign = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"nobody's"}"#);
    match count % 4 {
        0 => "garbage".into(),
        1 => "a.b.c".into(),
        // Another subject under the same signature, and a key that nobody has.
        2 => format!("{foreign}.e30.{}", "A".repeat(43)),
        _ => {
            let mut parts: Vec<&str> = token.split('.').collect();
            let forged = URL_SAFE_NO_PAD.encode(r#"{"username":"root","admin":true,"exp":9e9}"#);
            parts[1] = &forged;
            parts.join(".")
        }
    }
}

fn head(shared: &Shared, email: &str) -> Option<(TcpStream, String)> {
    let target = shared.targets().login;
    let address = target.strip_prefix("http://")?;
    let stream = TcpStream::connect(address).ok()?;
    let credentials = basic(email, PASSWORD);
    let head = format!(
        "POST /login HTTP/1.1\r\nhost: {address}\r\nauthorization: {credentials}\r\n\
         connection: close\r\n\r\n"
    );
    Some((stream, head))
}

fn slow_login(shared: &Shared, number: usize) -> (u16, bool) {
    let sent = head(shared, &users::email("slow", number)).and_then(|(mut stream, head)| {
        stream.set_nodelay(true).ok()?;
        for piece in head.as_bytes().chunks(head.len().div_ceil(PIECES)) {
            stream.write_all(piece).ok()?;
            thread::sleep(PAUSE);
        }
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    });
    (sent.unwrap_or(0), true)
}

fn aborted_login(shared: &Shared, count: usize) -> (u16, bool) {
    let sent = head(shared, &users::email("aborted", count))
        .and_then(|(mut stream, head)| stream.write_all(head.as_bytes()).ok());
    (sent.map_or(0, |()| HUNG_UP), true)
}
