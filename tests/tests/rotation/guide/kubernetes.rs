//! A stand-in for `kubectl` and the kubelet, which cannot run here: the three calls that
//! the guide makes, on volumes that change as mounted Secrets do.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use system_tests::{Environment, scratch};
use tempfile::TempDir;

/// The files of a Secret lie in a directory of their own; the link `..data` leads there,
/// and is replaced in one step.
const KUBECTL: &str = r#"#!/usr/bin/env bash
set -euo pipefail
if [ "$1" != apply ]; then
  [ "$1 $2" = "--namespace auth" ]
  shift 2
fi
case "$1 $2" in
"get secret")
  [ "$4" = --output ]
  file=${5#jsonpath=\{.data.}
  base64 "$VOLUMES/$3/$(sed 's/\\\././; s/}$//' <<<"$file")"
  ;;
"create secret")
  [ "$3 $5 $7 $8 $9" = "generic --from-file --dry-run=client --output yaml" ]
  printf 'name: %s\n%s: %s\n' "$4" "${6%=*}" "$(base64 -w0 "${6#*=}")"
  ;;
"apply -f")
  [ "$3" = - ]
  read -r _ name
  volume=$VOLUMES/$name
  mkdir -p "$volume"
  new=$(mktemp -d "$volume/..2026_XXXXXX")
  while IFS=': ' read -r file content; do
    base64 -d <<<"$content" >"$new/$file"
    [ -L "$volume/$file" ] || ln -s "..data/$file" "$volume/$file"
  done
  ln -s "$(basename "$new")" "$volume/..data_tmp"
  old=$(readlink "$volume/..data" || true)
  mv -T "$volume/..data_tmp" "$volume/..data"
  [ -z "$old" ] || rm -r "${volume:?}/$old"
  ;;
*) exit 2 ;;
esac
"#;

/// A directory to work in, with `kubectl` on the path, and the volumes.
pub(crate) struct Cluster {
    directory: TempDir,
    volumes: TempDir,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let directory = scratch::directory();
        let kubectl = directory.path().join("kubectl");
        fs::write(&kubectl, KUBECTL).expect("scratch can be written");
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755))
            .expect("scratch can be written");
        Self { directory, volumes: scratch::directory() }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn variables(&self) -> Environment {
        [("VOLUMES".into(), self.volumes.path().display().to_string())].into()
    }

    /// A Secret of one file.
    pub(crate) fn create(&self, name: &str, file: &str, content: &str) {
        let content = STANDARD.encode(content);
        let apply = format!("printf 'name: {name}\\n{file}: {content}\\n' | kubectl apply -f -");
        super::shell(&apply, self.directory(), &self.variables());
    }

    /// Where the file of a Secret is mounted.
    pub(crate) fn mounted(&self, name: &str, file: &str) -> String {
        self.volumes.path().join(name).join(file).display().to_string()
    }
}
