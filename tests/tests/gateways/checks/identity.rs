//! Who the upstream is told that it is.

use crate::{
    setup::Setup,
    tokens::{self, USER},
};

const NAMES: [&str; 2] = ["X-Auth-Request-User", "X-Auth-Request-Groups"];

pub(crate) fn comes_from_validate(setup: &mut Setup<'_>) -> String {
    for (token, groups) in
        [(tokens::good(), "users"), (tokens::of_an_administrator(), "users,admins")]
    {
        let arrived = setup.passes(&token, "");
        assert_eq!(arrived.values("x-auth-request-user"), [USER]);
        assert_eq!(arrived.values("x-auth-request-groups"), [groups]);
    }
    "once".into()
}

/// With these header lines nobody becomes anybody else.
fn are_without_effect(setup: &Setup<'_>, headers: &str) {
    let arrived = setup.passes(&tokens::good(), headers);
    assert_eq!(arrived.values("x-auth-request-user"), [USER], "{headers}");
    assert_eq!(arrived.values("x-auth-request-groups"), ["users"], "{headers}");
}

pub(crate) fn copies_in_other_case(setup: &mut Setup<'_>) -> String {
    for name in NAMES {
        let lower = name.to_lowercase();
        for name in [name, &lower, &name.to_uppercase(), &lower.replace("request", "REQUEST")] {
            are_without_effect(setup, &format!("{name}: admins\r\n"));
        }
    }
    "never".into()
}

pub(crate) fn copies_with_underscores(setup: &mut Setup<'_>) -> String {
    for name in NAMES {
        // Each of the three dashes, or several.
        for which in 1..8 {
            let mut dashes = 0;
            let other = |letter: char| match letter {
                '-' => {
                    dashes += 1;
                    if which & (1 << (dashes - 1)) == 0 { '-' } else { '_' }
                }
                other => other,
            };
            let copy: String = name.chars().map(other).collect();
            for copy in [&copy, &copy.to_lowercase(), &copy.to_uppercase()] {
                are_without_effect(setup, &format!("{copy}: admins\r\n"));
            }
        }
    }
    "never".into()
}

/// What else may stand in a name, by RFC 9110 section 5.6.2: PHP and CGI make `_` of each.
pub(crate) fn copies_with_other_signs(setup: &mut Setup<'_>) -> String {
    for name in NAMES {
        for sign in "!#$%&'*+.^`|~".chars() {
            let copy = name.replace('-', &sign.to_string());
            are_without_effect(setup, &format!("{copy}: admins\r\n"));
        }
    }
    "never".into()
}

pub(crate) fn doubled_and_empty_copies(setup: &mut Setup<'_>) -> String {
    for name in NAMES {
        let line = format!("{name}: admins\r\n");
        let empty = format!("{name}:\r\n");
        for headers in [format!("{line}{line}"), empty.clone(), format!("{empty}{line}{empty}")] {
            are_without_effect(setup, &headers);
        }
    }
    "never".into()
}

/// A proxy removes what `Connection` names: is it what the proxy itself has set?
pub(crate) fn named_as_hop_by_hop(setup: &mut Setup<'_>) -> String {
    for name in NAMES {
        are_without_effect(setup, &format!("Connection: {name}\r\n{name}: admins\r\n"));
    }
    "ineffective".into()
}
