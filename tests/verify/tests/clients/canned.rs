//! A service that answers what it is told to, once per connection.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use system_tests::Environment;

use crate::functions::variables;

/// How long it says nothing where it says nothing: longer than any test takes.
const FOREVER: Duration = Duration::from_mins(5);

/// An answer.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// A status, a line of header or none, and a body.
    Is(u16, &'static str, &'static str),
    /// Nothing, and the connection stays.
    Never,
}

/// Ends with the test process.
pub(crate) struct Canned {
    url: String,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    /// Answers `/login` with the first and `/validate` with the second, every time.
    pub(crate) fn start(login: Answer, validate: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let paths: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&paths);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || drop(serve(client, login, validate, &seen)));
            }
        });
        Self { url, paths }
    }

    pub(crate) fn variables(&self) -> Environment {
        let mut variables = variables("", "");
        variables.insert("AUTH_URL".into(), self.url.clone());
        variables
    }

    /// The paths that were asked for, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }
}

fn serve(
    mut client: TcpStream,
    login: Answer,
    validate: Answer,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?).lines();
    // Node connects anew after a time-out, and then asks for nothing.
    let Some(first) = head.next().transpose()? else { return Ok(()) };
    while head.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = if path == "/login" { login } else { validate };
    seen.lock().unwrap().push(path);
    match answer {
        Answer::Never => thread::sleep(FOREVER),
        Answer::Is(status, header, body) => {
            let length = body.len();
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            write!(
                client,
                "HTTP/1.1 {status} -\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )?;
        }
    }
    Ok(())
}
