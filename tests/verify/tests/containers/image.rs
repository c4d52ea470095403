//! What is in the images.

use std::fs;

use serde_json::json;
use system_tests::workspace;

use crate::container;

#[test]
#[ignore = "needs the images: make verify"]
fn each_image_is_small_and_nobodys_root_and_ends_with_78_without_a_configuration() {
    for name in ["login", "validate"] {
        let image = &container::inspect(name)[0];
        let (size, config) = (image["Size"].as_u64().expect("a size"), &image["Config"]);
        println!("{name}: {} kB", size / 1000);
        assert!(size < 15_000_000, "{name}: {size}");
        assert_eq!(config["User"], "65532:65532", "{name}");
        assert_eq!(config["Entrypoint"], json!(["/function"]), "{name}");
        assert_eq!(image["RootFS"]["Layers"].as_array().map(Vec::len), Some(1), "{name}");
        for label in ["title", "description", "version", "revision", "licenses"] {
            let value = &image["Labels"][format!("org.opencontainers.image.{label}")];
            assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name}: {label}");
        }
        let variables = config["Env"].as_array().expect("a list");
        assert!(!json!(variables).to_string().contains("SECRET"), "{name}");

        let ended = container::run(name);
        assert_eq!(ended.status.code(), Some(78), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("JWT_SECRET"), "{name}: {}", ended.stderr);
    }
}

#[test]
#[ignore = "needs the images: make verify"]
fn an_image_holds_the_file_that_lambda_is_given() {
    for name in ["login", "validate"] {
        let built = workspace().join("target/lambda").join(name).join("bootstrap");
        let built = fs::read(built).expect("make release has built it");
        assert!(container::file(name, "/function") == built, "{name}");
    }
}
