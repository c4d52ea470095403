//! Runs the commands in the documents, in the order of each document, with the variables that
//! earlier blocks have exported. A block that starts a server has its own shell.
//!
//! HTML comments before a block, which readers do not see, have instructions for the test:
//! `not run: REASON`, `serves: PORT` (until the end of the document), `types: LINE, LINE` for the
//! input on the terminal, and `prints: TEXT` for the expected output.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path, time::Duration};

use system_tests::{
    DatabaseServer, Environment, Process, binary, cargo_variables, command,
    database::AUTH_PASSWORD, mariadb, output, scratch, wait, workspace,
};

const LIMIT: Duration = Duration::from_mins(2);
/// Text directly before a port number.
const BEFORE_PORT: [&str; 3] = ["127.0.0.1:", "localhost:", "PORT="];

/// Documents whose blocks are not run here, and the reason.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("docs/ARCHITECTURE.md", "its blocks are diagrams"),
    ("docs/SECURITY.md", "its block is a diagram"),
    ("docs/rotation.md", "tests/tests/rotation/guide.rs runs it"),
];

const USERS: &str = "email,password\nbob@example.com,$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

/// A section, and SQL that runs before its first block.
const TABLES: [(&str, &str); 2] = [
    (
        "Fast digests",
        "INSERT INTO auth.user (email, password) VALUES ('ada@example.com', MD5('secret')),
           ('cyd@example.com', MD5('secret')), ('eve@example.com', MD5('secret'))",
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

/// A block of commands, and the instructions before it.
#[derive(Debug, Default, PartialEq)]
struct Block {
    section: String,
    text: String,
    is_skipped: bool,
    serves: Option<u16>,
    types: String,
    prints: String,
}

impl Block {
    /// Reads an instruction from a comment.
    fn read(&mut self, comment: &str) {
        match comment.split_once(": ") {
            Some(("not run", reason)) if !reason.trim().is_empty() => self.is_skipped = true,
            Some(("serves", port)) => self.serves = Some(port.parse().expect("a port")),
            Some(("types", lines)) => self.types = lines.replace(", ", "\n") + "\n",
            Some(("prints", text)) => text.clone_into(&mut self.prints),
            _ => panic!("unknown instruction: {comment}"),
        }
    }
}

/// The documents, without the exceptions.
fn documents() -> Vec<String> {
    let mut git = command("git", &Environment::new());
    git.args(["ls-files", "*.md"]).current_dir(workspace());
    let names = output(git, b"", LIMIT).stdout;
    let is_exception = |name: &&str| EXCEPTIONS.iter().any(|it| it.0 == *name && !it.1.is_empty());
    assert_eq!(names.lines().filter(is_exception).count(), EXCEPTIONS.len());
    names.lines().filter(|name| !is_exception(name)).map(str::to_owned).collect()
}

/// The blocks of a document: fenced ones with `sh`, and indented ones.
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

/// Copies the files that git does not ignore, and links the programs that the checkout has built
/// and installed.
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

/// Runs these blocks of a document. Only ports and the password of `root` are replaced.
fn run_blocks(name: &str, blocks: &[Block], server: &DatabaseServer) {
    let folder = scratch::directory();
    copy_checkout(folder.path());
    // README.md creates the password. In the other documents it exists, and must not change.
    let password = folder.path().join("password.txt");
    fs::write(&password, if name == "README.md" { "" } else { AUTH_PASSWORD }).expect("a file");
    fs::write(folder.path().join("users.csv"), USERS).expect("a file");
    let mut free = BTreeMap::new();
    let mut port_of = |port: u16| *free.entry(port).or_insert_with(wait::free_port);
    let mut variables = cargo_variables();
    variables.remove("CARGO_TARGET_DIR");
    variables.insert("PORT".into(), port_of(8080).to_string());
    variables.insert("DATABASE_PORT".into(), server.port.to_string());
    let fakes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents");
    let (mut serving, mut section) = (Vec::new(), "");
    for block in blocks {
        for (_, tables) in TABLES.iter().filter(|it| it.0 == block.section && it.0 != section) {
            server.sql(tables);
        }
        section = &block.section;
        let mut text = format!("export PATH={}:$PATH\n{}\n", fakes.display(), block.text);
        for before in BEFORE_PORT {
            let renumbered = text.split(before).map(|part| {
                let rest = part.trim_start_matches(|it: char| it.is_ascii_digit());
                let port = part[..part.len() - rest.len()].parse();
                port.map_or(part.to_owned(), |port| format!("{}{rest}", port_of(port)))
            });
            text = renumbered.collect::<Vec<_>>().join(before);
        }
        text = text.replace("root:…@127.0.0.1/", &format!("root@127.0.0.1:{}/", server.port));
        text = text.replace("MYSQL_HOST=", &format!("MYSQL_PORT={} MYSQL_HOST=", server.port));
        if block.serves.is_none() {
            let exported = folder.path().join("exported").display().to_string();
            text = format!("touch {exported}; . {exported}\n{text}export -p > {exported}\n");
        }
        fs::write(folder.path().join("block.sh"), text).expect("a file");
        let run = "exec bash -euo pipefail block.sh";
        if let Some(port) = block.serves {
            let mut bash = command("bash", &variables);
            bash.args(["-c", run]).current_dir(folder.path());
            serving.push(Process::start_on(port_of(port), &block.text, bash));
            continue;
        }
        // On a terminal, so that commands prompt.
        let mut script = command("script", &variables);
        script.args(["--quiet", "--return", "--command", run, "/dev/null"]);
        script.current_dir(folder.path());
        let done = output(script, block.types.as_bytes(), LIMIT);
        let is_good = done.status.success() && done.stdout.contains(&block.prints);
        assert!(is_good, "{name}:\n{}\n{}{}", block.text, done.stdout, done.stderr);
    }
    let password = fs::read_to_string(password).expect("a file");
    assert!(name == "README.md" || password == AUTH_PASSWORD, "{name} changes the password");
}

#[test]
#[ignore = "needs MariaDB, clients and Prometheus: make verify"]
fn every_block_of_commands_works_as_documented() {
    for name in documents() {
        let blocks: Vec<_> = blocks(&name).into_iter().filter(|it| !it.is_skipped).collect();
        if !blocks.is_empty() {
            run_blocks(&name, &blocks, &mariadb::start());
        }
    }
}

#[test]
fn every_skipped_block_has_a_reason() {
    let mut sections = Vec::new();
    for name in documents() {
        let document = fs::read_to_string(workspace().join(&name)).expect("a document");
        let blocks = blocks(&name);
        let skipped = blocks.iter().filter(|it| it.is_skipped).count();
        assert_eq!(skipped, document.matches("<!-- not run: ").count(), "{name}");
        sections.extend(blocks.into_iter().filter(|it| !it.is_skipped).map(|it| it.section));
    }
    for (section, _) in TABLES {
        assert!(sections.iter().any(|it| it == section), "no block in the section {section}");
    }
}
