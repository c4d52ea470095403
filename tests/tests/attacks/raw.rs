//! Bytes over TCP, for what no HTTP client would send.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use system_tests::service::Service;

/// Sends `bytes` and reads until the server closes: what it answered.
///
/// # Panics
///
/// If the connection is still open after 10 s.
pub(crate) fn exchange(service: &Service, bytes: &[u8]) -> String {
    let address = service.url("").replace("http://", "");
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // It may have answered and closed before it has read everything.
    let _ = connection.write_all(bytes);
    let mut answers = Vec::new();
    match connection.read_to_end(&mut answers) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => {
            panic!("{error} behind {:?}", String::from_utf8_lossy(&answers))
        }
        _ => String::from_utf8_lossy(&answers).into_owned(),
    }
}

/// The status of each answer.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let heads = answers.match_indices("HTTP/1.").map(|(start, _)| &answers[start..]);
    heads.filter_map(|head| head.get(9..12)?.parse().ok()).collect()
}

/// What an answer says, but for the time that it says it.
pub(crate) fn without_date(answer: &str) -> String {
    let lines = answer.split_inclusive('\n');
    lines.filter(|line| !line.to_ascii_lowercase().starts_with("date:")).collect()
}
