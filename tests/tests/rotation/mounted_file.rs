//! The signing key in a mounted file, changed as the kubelet does it: the files lie in a
//! directory with a date, a link `..data` leads there, and is replaced in one step.

use std::{fs, os::unix::fs::symlink, path::PathBuf, time::Duration};

use system_tests::{clock::Clock, mariadb, scratch, wait};
use tempfile::TempDir;

use super::*;

/// A volume with one file in it.
struct Volume {
    directory: TempDir,
    versions: u32,
}

impl Volume {
    fn new(content: &str) -> Self {
        let mut volume = Self { directory: scratch::directory(), versions: 0 };
        volume.replace(content);
        symlink("..data/key", volume.key()).expect("scratch can be written");
        volume
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("key")
    }

    fn replace(&mut self, content: &str) {
        let before = format!("..2026_{}", self.versions);
        self.versions += 1;
        let (root, now) = (self.directory.path(), format!("..2026_{}", self.versions));
        fs::create_dir(root.join(&now)).expect("scratch can be written");
        fs::write(root.join(&now).join("key"), content).expect("scratch can be written");
        symlink(now, root.join("..data_tmp")).expect("scratch can be written");
        fs::rename(root.join("..data_tmp"), root.join("..data")).expect("scratch can be written");
        let _ = fs::remove_dir_all(root.join(before));
    }
}

#[test]
#[ignore = "needs MariaDB and libfaketime: make test"]
fn a_mounted_key_is_rotated_without_a_refused_request() {
    let _alone = alone();
    let (server, mut clock) = (mariadb::shared(), Clock::new());
    let mut volume = Volume::new(&key_set(&["one"]));
    users::add(&server, users::quick());
    let path = volume.key().display().to_string();
    let functions = Functions::start(&variables(
        &[&server.login_variables(), &clock.variables()],
        &[("JWT_SECRET_FILE", &path)],
    ));
    let old = functions.log_in();
    let load = functions.load();
    load.traffic.validate_too(std::slice::from_ref(&old));

    for (names, signs) in [(["one", "two"], "one"), (["two", "one"], "two")] {
        volume.replace(&key_set(&names));
        functions.notice_new_key(&mut clock);
        assert_eq!(kid(&functions.log_in()).as_deref(), Some(signs));
        thread::sleep(Duration::from_millis(700));
    }

    load.traffic.validate_too(&[]);
    assert_eq!(functions.validate(&old), 200);
    volume.replace(&key_set(&["two"]));
    clock.advance(REFRESH);
    wait::until("the old key is refused", Duration::from_secs(10), || {
        (functions.validate(&old) == 403).then_some(())
    });
    thread::sleep(Duration::from_millis(700));
    load.all_good("the load");
}
