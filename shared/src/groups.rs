//! Groups of a user, in addition to `users` and `admins`.

/// With the longest names, these make some 2 KiB of a header and 3 KiB of a token.
const MAX_GROUPS: usize = 32;
const MAX_NAME_BYTES: usize = 64;
/// Granted to every user and to every administrator, and in no other way.
const RESERVED: [&str; 2] = ["users", "admins"];

/// The groups with these names, without `users` and `admins` in any case. `None` if a name is
/// malformed or there are too many: then all of them are ignored.
pub(crate) fn without_reserved<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Option<Vec<String>> {
    let names: Vec<_> = names.into_iter().take(MAX_GROUPS + 1).collect();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let is_name =
        |name: &&str| (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_plain);
    if names.len() > MAX_GROUPS || !names.iter().all(is_name) {
        return None;
    }
    let is_not_reserved = |name: &&str| !RESERVED.iter().any(|it| name.eq_ignore_ascii_case(it));
    Some(names.into_iter().filter(is_not_reserved).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_groups_are_accepted_or_none_and_the_reserved_ones_are_left_out() {
        let accept = |text: &str| without_reserved(text.split(',')).map(|groups| groups.join(","));
        let [longest, too_long] = [64, 65].map(|length| "a".repeat(length));
        let [most, too_many] = [32, 33].map(|number| vec!["a"; number].join(","));
        for good in ["staff", "a,B.c_d:e-1", "admin,users2", &longest, &most] {
            assert_eq!(accept(good).as_deref(), Some(good));
        }
        for bad in ["", "a,", "a b", " a", "a;b", "\u{e4}", "a\nb", &too_long, &too_many] {
            assert_eq!(accept(bad), None, "{bad:?}");
        }
        assert_eq!(accept("Admins,a,USERS,users").as_deref(), Some("a"));
    }
}
