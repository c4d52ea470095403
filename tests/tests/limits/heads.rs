//! Request line and headers: 16 KiB, within 5 s.

use std::time::Duration;

use system_tests::raw::{Connection, head};

use crate::{login, validate};

const LIMIT: usize = 16 * 1024;

/// A head of exactly so many bytes.
fn head_of(bytes: usize) -> String {
    let without = head("GET /", "X-Pad: \r\n").len();
    head("GET /", &format!("X-Pad: {}\r\n", "x".repeat(bytes - without)))
}

#[test]
fn a_head_of_16_kib_is_read_and_one_more_byte_is_431_and_the_end() {
    for service in [validate(), login()] {
        let mut connection = Connection::to(&service);
        for _ in 0..2 {
            let status = connection.exchange(head_of(LIMIT)).unwrap().status;
            assert!([401, 405].contains(&status), "{status}");
        }
        let answer = connection.exchange(head_of(LIMIT + 1)).unwrap();
        assert_eq!(answer.status, 431, "{answer:?}");
        assert!(answer.is_last(), "{answer:?}");
        let _ = connection.time_to_end();
    }
}

/// What is on its way when the answer is sent takes nothing from it.
#[test]
fn a_client_that_sends_a_megabyte_of_headers_reads_its_431() {
    let service = validate();
    let mut connection = Connection::to(&service);
    let answer = connection.exchange(head_of(1024 * 1024)).unwrap();
    assert_eq!(answer.status, 431, "{answer:?}");
}

#[test]
fn a_head_that_does_not_end_is_cut_after_5_s() {
    let service = validate();
    let mut silent = Connection::to(&service);
    let mut begun = Connection::to(&service);
    begun.send("GET / HTTP/1.1\r\nHost:").unwrap();
    let mut kept = Connection::to(&service);
    assert_eq!(kept.exchange(head("GET /", "")).unwrap().status, 401);
    for connection in [&mut silent, &mut begun] {
        let time = connection.time_to_end();
        assert!(time < Duration::from_millis(6500), "{time:?}");
    }
    // A connection that was of use may be idle for longer.
    assert_eq!(kept.exchange(head("GET /", "")).unwrap().status, 401);
    assert!(silent_since_start_is_cut_no_earlier(&service));
}

fn silent_since_start_is_cut_no_earlier(service: &system_tests::service::Service) -> bool {
    Connection::to(service).is_silent(Duration::from_millis(500))
}
