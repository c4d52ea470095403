//! The images of `make image`, run by podman like in Knative: without a shell, root and a writable
//! file system, and with little memory.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use system_tests::{
    Authority, Connection, Environment, Moto, Process, SECRET, Service, Tls, USER, add_users,
    command, head, mariadb, output, scratch, service::check_contract, token, wait, with, workspace,
};

const LIMIT: Duration = Duration::from_secs(40);

/// Limits of descriptors and processes, so that it also works if the machine itself is a container,
/// and a timeout, in case the test is killed.
const OPTIONS: &str = "--runtime=runc run --rm --timeout=300 --pull=never --network=host \
     --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 --read-only --read-only-tmpfs=false \
     --user=65532:65532 --cap-drop=ALL --security-opt=no-new-privileges --memory-swap=-1 \
     --log-driver=none";

fn image(name: &str) -> String {
    format!("dev.local/auth-{name}:dev")
}

fn podman(name: &str, options: &[&str], variables: &Environment) -> Command {
    let mut podman = command("podman", &Environment::new());
    podman.args(OPTIONS.split(' ')).args(options);
    for (name, value) in variables {
        podman.arg("--env").arg(format!("{name}={value}"));
    }
    podman.arg(image(name));
    podman
}

/// Starts `login` or `validate` in a container with these variables and further options of
/// `podman run`, and waits until it is ready.
fn start(name: &str, options: &[&str], variables: Environment) -> Service {
    Service::start_command(name, |all| podman(name, options, all), 200, variables)
}

/// Runs podman and returns its output.
fn run_podman(arguments: &[&str]) -> String {
    let mut podman = command("podman", &Environment::new());
    podman.args(arguments);
    let said = output(podman, b"", LIMIT);
    assert!(said.status.success(), "run `make image`: {}", said.stderr);
    said.stdout
}

#[test]
#[ignore = "needs the images: make verify"]
fn each_image_has_only_the_program_for_lambda_and_no_root_and_reports_missing_variables() {
    for name in ["login", "validate"] {
        let inspected: Value =
            serde_json::from_str(&run_podman(&["image", "inspect", &image(name)])).expect("JSON");
        let (image_of, config) = (&inspected[0], &inspected[0]["Config"]);
        let size = image_of["Size"].as_u64().expect("a size");
        println!("{name}: {} kB", size / 1000);
        assert!(size < 15_000_000, "{name}: {size}");
        assert_eq!(config["User"], "65532:65532", "{name}");
        assert_eq!(config["Entrypoint"], json!(["/function"]), "{name}");
        assert_eq!(image_of["RootFS"]["Layers"].as_array().map(Vec::len), Some(1), "{name}");
        for label in ["title", "description", "version", "revision", "licenses"] {
            let value = &image_of["Labels"][format!("org.opencontainers.image.{label}")];
            assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name}: {label}");
        }
        assert!(config["Env"].is_array() && !config["Env"].to_string().contains("SECRET"));

        let ended = output(podman(name, &[], &Environment::new()), b"", LIMIT);
        assert_eq!(ended.status.code(), Some(78), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("JWT_SECRET"), "{name}: {}", ended.stderr);

        let folder = scratch::directory();
        let copy = folder.path().join("copy").display().to_string();
        let id = run_podman(&["create", "--pull=never", &image(name)]);
        run_podman(&["cp", &format!("{}:/function", id.trim()), &copy]);
        run_podman(&["rm", id.trim()]);
        let built = workspace().join("target/lambda").join(name).join("bootstrap");
        let built = fs::read(built).expect("make release has built it");
        assert!(fs::read(copy).expect("the copy") == built, "{name}");
    }
}

/// Like in Knative: with probes, nearly the maximum of connections, and SIGTERM.
#[tokio::test]
#[ignore = "needs MariaDB and the images: make verify"]
async fn with_64_mib_the_contract_holds_900_connections_fit_and_sigterm_ends_a_function() {
    let server = mariadb::shared();
    add_users(&server).await;
    let start = |name: &str, variables| start(name, &["--memory=64m"], variables);
    let since = Instant::now();
    let login = start("login", server.login_variables());
    let functions = [login, start("validate", Environment::new())];
    let first = functions[0].request("POST", "/login").basic(USER.0, USER.1).send();
    assert_eq!(first.status, 200);
    println!("both containers, start to first login: {} ms", since.elapsed().as_millis());
    check_contract(&functions);

    let [_login, validate] = functions;
    let bearer = token("ada@example.com", false);
    let request = head("GET /validate", &format!("Authorization: Bearer {bearer}\r\n"));
    for path in ["GET /readyz", "GET /healthz"] {
        let probe = head(path, "User-Agent: kube-probe//\r\nConnection: close\r\n");
        let answer = Connection::to(&validate).exchange(probe).expect("an answer");
        assert_eq!((answer.status, answer.is_last()), (200, true), "{path}");
    }
    let mut connections: Vec<_> = (0..900).map(|_| Connection::to(&validate)).collect();
    for connection in &mut connections {
        assert_eq!(connection.exchange(&request).expect("an answer").status, 200);
    }
    drop(connections);
    let (status, log) = validate.terminate();
    assert!(status.success(), "{status}: {log}");
}

/// `tests/tests/secrets_manager.rs` tests that other CAs are refused.
#[test]
#[ignore = "needs moto and the images: make verify"]
fn the_certificate_of_secrets_manager_is_verified_with_the_cas_of_the_image() {
    let folder = scratch::directory();
    let authority = Authority::new(folder.path(), "ca");
    let manager = Moto::start();
    let (_proxy, port) = authority.tls_proxy(folder.path(), manager.port);
    let variables = with(
        manager.variables(),
        &[
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &format!("https://localhost:{port}")),
            ("JWT_SECRET_ID", &manager.create_secret("signing-key", SECRET)),
        ],
    );

    let certificate = authority.certificate.display();
    let cas = format!("--volume={certificate}:/etc/ssl/certs/ca-certificates.crt:ro");
    let validate = start("validate", &[&cas], variables);
    let bearer = token("ada@example.com", false);
    let status = validate.request("GET", "/validate").bearer(&bearer).send().status;
    assert_eq!(status, 200, "{}", validate.log());
}

/// The binary is static and resolves names without the plug-ins of the C library.
#[tokio::test]
#[ignore = "needs MariaDB, root, the Python packages and the images: make verify"]
async fn the_name_of_the_database_is_resolved_and_its_certificate_is_verified() {
    const NAME: &str = "db.example";
    const NAME_SERVER: &str = "127.0.53.53";
    let mut server = mariadb::start();
    add_users(&server).await;
    server.restart(Tls::OtherName);
    let variables = with(
        server.login_variables(),
        &[
            ("MYSQL_HOST", NAME),
            ("MYSQL_SSL_MODE", "VERIFY_IDENTITY"),
            ("MYSQL_SSL_CA", "/run/config/ca.pem"),
        ],
    );

    let folder = scratch::directory();
    let [zone, resolver] = ["zone", "resolv.conf"].map(|name| folder.path().join(name));
    fs::write(&zone, format!("{NAME}. 1 IN A 127.0.0.1\n")).expect("scratch");
    fs::write(&resolver, format!("nameserver {NAME_SERVER}\n")).expect("scratch");
    let mut names = command("python", &Environment::new());
    names.args(["-u", "-m", "dnslib.zoneresolver", "--address", NAME_SERVER, "--zone"]).arg(&zone);
    let names = Process::start("name server", names);
    wait::until("it listens", Duration::from_secs(20), || {
        names.log().contains("Starting Zone Resolver").then_some(())
    });

    let ca = format!("--volume={}:/run/config/ca.pem:ro", server.authority.certificate.display());
    let by_server = format!("--volume={}:/etc/resolv.conf:ro", resolver.display());
    let login = start("login", &[&ca, &by_server], variables);
    let answer = login.request("POST", "/login").basic(USER.0, USER.1).send();
    assert_eq!(answer.status, 200, "{}", login.log());
    assert!(names.log().contains("Request:"), "{}", names.log());
}
