//! The commands in the documents, each block in a shell of its own, in the order of the document.
//!
//! Comments before a block, which readers do not see, say what a person would know:
//! `not run: REASON`, `serves: PORT` (until the end of the document), `types: LINE, LINE` and
//! `prints: TEXT`. `docs/rotation.md` is run by `tests/tests/rotation/guide.rs`.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use system_tests::{
    DatabaseServer, Environment, Process, binary, cargo_variables, command,
    database::AUTH_PASSWORD, mariadb, output, scratch, wait, workspace,
};

const LIMIT: Duration = Duration::from_mins(2);
/// What a port number comes after.
const BEFORE_PORT: [&str; 3] = ["127.0.0.1:", "localhost:", "PORT="];

/// The documents, and the ports in them.
const DOCUMENTS: [(&str, &[u16]); 8] = [
    ("README.md", &[8080, 8081]),
    ("docs/configuration.md", &[]),
    ("docs/lambda.md", &[]),
    ("docs/moving-over.md", &[]),
    ("docs/operations.md", &[]),
    ("examples/clients/README.md", &[8080]),
    ("examples/gateways/README.md", &[8081, 8082]),
    ("examples/observability/README.md", &[8080, 8081, 9090, 9100, 9101]),
];

const USERS: &str = "email,password\nbob@example.com,$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

/// A section, and the tables before it.
const TABLES: [(&str, &str); 2] = [
    (
        "Stored hashes",
        "INSERT INTO auth.user (email, password) VALUES
           ('ada@example.com', '9cc2ae8a1ba7a93da39b46fc1019c481'),
           ('eve@example.com', '9cc2ae8a1ba7a93da39b46fc1019c481')",
    ),
    (
        "From the Flask service",
        "DROP DATABASE auth; DROP USER auth_user@'%'; CREATE DATABASE auth; USE auth;
         CREATE USER auth_user@localhost IDENTIFIED BY 'Auth123';
         GRANT ALL PRIVILEGES ON auth.* TO auth_user@localhost;
         CREATE TABLE user (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
           email VARCHAR(255) NOT NULL UNIQUE, password VARCHAR(255) NOT NULL);
         INSERT INTO user (email, password) VALUES
           ('georgio@email.com', 'Admin123'), ('ada@example.com', 'correct horse')",
    ),
];

/// Commands, and what the comments before them say.
#[derive(Debug, Default, PartialEq)]
struct Block {
    section: String,
    text: String,
    is_left_out: bool,
    serves: Option<u16>,
    types: String,
    prints: String,
}

impl Block {
    /// Reads a comment, if it is about a block.
    fn read(&mut self, comment: &str) {
        match comment.split_once(": ") {
            Some(("not run", _)) => self.is_left_out = true,
            Some(("serves", port)) => self.serves = Some(port.parse().expect("a port")),
            Some(("types", lines)) => self.types = lines.replace(", ", "\n") + "\n",
            Some(("prints", text)) => text.clone_into(&mut self.prints),
            _ => panic!("{comment} says nothing about a block"),
        }
    }
}

/// The blocks of a document: those in `sh`, and those that are only indented.
fn blocks(name: &str) -> Vec<Block> {
    let document = fs::read_to_string(workspace().join(name)).expect("a document");
    let (mut blocks, mut section) = (Vec::new(), String::new());
    let (mut block, mut follows_blank) = (Block::default(), true);
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if let Some(comment) = text.strip_prefix("<!-- ") {
            block.read(comment.trim_end_matches(" -->"));
        } else if let Some(language) = text.strip_prefix("```") {
            let (indent, _) = line.split_once('`').expect("it is one");
            let body = lines.by_ref().take_while(|line| line.trim() != "```");
            let body: Vec<_> = body.map(|it| it.strip_prefix(indent).unwrap_or(it)).collect();
            assert!(["json", "sh", "sql", "yaml"].contains(&language), "{name}: {language}");
            if language == "sh" {
                block.text = body.join("\n");
            }
        } else if follows_blank && line.starts_with("    ") {
            let mut body = vec![&line[4..]];
            while let Some(more) = lines.next_if(|it| it.starts_with("    ")) {
                body.push(&more[4..]);
            }
            block.text = body.join("\n");
        } else if !text.is_empty() {
            assert_eq!(block, Block::default(), "{name}: no block after a comment: {text}");
        }
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        if !block.text.is_empty() {
            block.section.clone_from(&section);
            blocks.push(std::mem::take(&mut block));
        }
        follows_blank = text.is_empty();
    }
    blocks
}

/// Copies the checkout, as git has it, with what is built and installed in the original.
fn copy_checkout(folder: &Path) {
    let copy = "git ls-files -z --cached --others --exclude-standard |
                tar --create --null --files-from=- | tar --extract --directory \"$0\"";
    let mut bash = command("bash", &Environment::new());
    bash.args(["-euo", "pipefail", "-c", copy]).arg(folder).current_dir(workspace());
    let copied = output(bash, b"", LIMIT);
    assert!(copied.status.success(), "{copied:?}");
    fs::create_dir(folder.join("target")).expect("a folder");
    let programs = binary("local").with_file_name("");
    symlink(programs, folder.join("target/debug")).expect("a link");
    symlink(workspace().join("target/venv"), folder.join("target/venv")).expect("a link");
}

/// Runs the blocks of a document. Only ports, and the password of `root`, are not those in it.
fn follow(name: &str, ports: &[u16], server: &DatabaseServer) {
    let folder = scratch::directory();
    copy_checkout(folder.path());
    fs::write(folder.path().join("password.txt"), AUTH_PASSWORD).expect("a file");
    fs::write(folder.path().join("users.csv"), USERS).expect("a file");
    let free: Vec<(u16, u16)> = ports.iter().map(|port| (*port, wait::free_port())).collect();
    let port_of = |port| free.iter().find(|it| it.0 == port).map_or(port, |it| it.1);
    let mut variables = cargo_variables();
    variables.remove("CARGO_TARGET_DIR");
    for (name, value) in [
        ("PORT", port_of(8080).to_string()),
        ("DATABASE_PORT", server.port.to_string()),
        ("PROGRAMS", binary("local").with_file_name("").display().to_string()),
    ] {
        variables.insert(name.into(), value);
    }
    let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents");
    let (mut serving, mut section) = (Vec::new(), String::new());
    for block in blocks(name).into_iter().filter(|it| !it.is_left_out) {
        if section != block.section {
            section.clone_from(&block.section);
            for (_, tables) in TABLES.iter().filter(|(title, _)| *title == section) {
                server.sql(tables);
            }
        }
        let mut text = format!("PATH={}:$PATH\n{}\n", stand_ins.display(), block.text);
        for before in BEFORE_PORT {
            for (port, free) in &free {
                text = text.replace(&format!("{before}{port}"), &format!("{before}{free}"));
            }
        }
        let port = server.port;
        text = text.replace("root:…@127.0.0.1/", &format!("root@127.0.0.1:{port}/"));
        text = text.replace(" MYSQL_HOST=", &format!(" MYSQL_PORT={port} MYSQL_HOST="));
        fs::write(folder.path().join("block.sh"), text).expect("a file");
        let run = "exec bash -euo pipefail block.sh";
        if let Some(port) = block.serves {
            let mut bash = command("bash", &variables);
            bash.args(["-c", run]).current_dir(folder.path());
            serving.push(Process::start_on(port_of(port), &block.text, bash));
            continue;
        }
        // On a terminal, where questions are asked.
        let mut script = command("script", &variables);
        script.args(["--quiet", "--return", "--command", run, "/dev/null"]);
        script.current_dir(folder.path());
        let done = output(script, block.types.as_bytes(), LIMIT);
        let is_good = done.status.success() && done.stdout.contains(&block.prints);
        assert!(is_good, "{name}:\n{}\n{}{}", block.text, done.stdout, done.stderr);
    }
}

#[test]
#[ignore = "needs MariaDB, clients and Prometheus: make verify"]
fn every_block_of_commands_works_as_it_is_written() {
    for (name, ports) in DOCUMENTS {
        follow(name, ports, &mariadb::start());
    }
}

#[test]
fn every_block_that_is_left_out_says_why() {
    for (name, _) in DOCUMENTS {
        let document = fs::read_to_string(workspace().join(name)).expect("a document");
        let blocks = blocks(name);
        let left_out = blocks.iter().filter(|it| it.is_left_out).count();
        assert_eq!(left_out, document.matches("<!-- not run: ").count(), "{name}");
        assert!(!blocks.is_empty(), "{name} has no commands");
    }
}
