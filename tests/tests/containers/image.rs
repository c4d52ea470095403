//! What is in the images.

use serde_json::Value;
use system_tests::{Environment, container};

const MEGABYTE: u64 = 1_000_000;

#[test]
#[ignore = "needs the images: make test"]
fn each_image_is_small_and_nobodys_root() {
    for name in ["login", "validate"] {
        let image = &container::inspect(name)[0];
        let size = image["Size"].as_u64().expect("a size");
        println!("{name}: {} kB", size / 1000);
        assert!(size < 15 * MEGABYTE, "{name}: {size}");
        assert_eq!(image["Config"]["User"], "65532:65532", "{name}");
        assert_eq!(image["Config"]["Entrypoint"], serde_json::json!(["/function"]), "{name}");
        assert_eq!(image["RootFS"]["Layers"].as_array().map(Vec::len), Some(1), "{name}");
        for label in ["title", "description", "version", "revision", "licenses"] {
            let value = &image["Labels"][format!("org.opencontainers.image.{label}")];
            assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name}: {label}");
        }
        assert_ne!(image["Config"]["Env"], Value::Null, "{name}");
        assert!(!image["Config"]["Env"].to_string().contains("SECRET"), "{name}");
    }
}

#[test]
#[ignore = "needs the images: make test"]
fn a_problem_with_the_configuration_ends_the_container_with_78() {
    for name in ["login", "validate"] {
        let ended = container::run(name, &Environment::new());
        assert_eq!(ended.status.code(), Some(78), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("JWT_SECRET"), "{name}: {}", ended.stderr);
    }
}
