//! The keys of `keys.pem`, by name. Properties and system tests read them here too.

/// The PEM text below this name, such as `p256-public`.
pub(crate) fn pem_of(name: &str) -> &'static str {
    include_str!("keys.pem")
        .split("## ")
        .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('\n'))
        .unwrap_or_else(|| panic!("keys.pem has no {name}"))
}
