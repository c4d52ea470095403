//! What clients send that must not arrive, or must not change who they are.

use crate::tokens;

/// The request line without the version, and header lines.
pub(crate) type Request = (String, String);

const NAMES: [&str; 2] = ["X-Auth-Request-User", "X-Auth-Request-Groups"];

/// A request with this token.
pub(crate) fn with_token(token: impl AsRef<str>) -> Request {
    ("GET /api".into(), format!("Authorization: Bearer {}\r\n", token.as_ref()))
}

pub(crate) fn without_a_token() -> Vec<Request> {
    let in_the_query = format!("GET /api?access_token={}", tokens::good());
    let lines = ["", "Authorization: \r\n", "Authorization: Basic YTpi\r\n", "Cookie: a=b\r\n"];
    lines.map(|lines| (in_the_query.clone(), lines.into())).into()
}

pub(crate) fn with_a_forged_token() -> Vec<Request> {
    tokens::forged().iter().map(with_token).collect()
}

pub(crate) fn with_an_expired_token() -> Vec<Request> {
    tokens::expired().iter().map(with_token).collect()
}

pub(crate) fn with_a_garbage_token() -> Vec<Request> {
    let long = format!("{}.{}.{}", "a".repeat(2000), "b".repeat(2000), "c".repeat(2000));
    [".", "..", "a.b.c", "garbage", "null", &long].map(with_token).into()
}

/// Which of the two would it be?
pub(crate) fn with_two_tokens() -> Vec<Request> {
    let [(line, good), (_, forged)] = [tokens::good(), tokens::forged().remove(0)].map(with_token);
    vec![(line.clone(), format!("{good}{forged}")), (line, format!("{forged}{good}"))]
}

/// Paths that look like those of the functions, and answer without a token there.
pub(crate) fn on_paths_that_need_no_token() -> Vec<Request> {
    let paths = [
        "/healthz",
        "/readyz",
        "/validate",
        "/_validate",
        "/.well-known/jwks.json",
        "/login/",
        "/login/x",
        "/login/../api",
        "/login/..%2fapi",
        "/login;/api",
        "/login%00",
        "//login",
        "/LOGIN",
        "/%6cogin",
        "/x/../../healthz",
        "/..%2fhealthz",
        "/../healthz",
        "/login?/../api",
        "http://h/healthz",
    ];
    let with_methods = paths.iter().flat_map(|path| {
        ["GET", "POST", "OPTIONS"]
            .map(|method| (format!("{method} {path}"), "Content-Length: 0\r\n".to_owned()))
    });
    with_methods.collect()
}

/// Header lines with another value under each of these names.
fn claimed(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names.into_iter().map(|name| format!("{name}: admins\r\n")).collect()
}

pub(crate) fn copies_in_other_case() -> Vec<String> {
    let spelled = NAMES.iter().flat_map(|name| {
        let lower = name.to_lowercase();
        [(*name).into(), name.to_uppercase(), lower.replace("request", "REQUEST"), lower]
    });
    claimed(spelled)
}

/// For each of the three dashes, or several.
pub(crate) fn copies_with_underscores() -> Vec<String> {
    let copies = NAMES.iter().flat_map(|name| {
        (1..8).flat_map(|which| {
            let mut parts = name.split('-');
            let mut copy = parts.next().expect("a part").to_owned();
            for (dash, part) in parts.enumerate() {
                copy.push(if which & (1 << dash) == 0 { '-' } else { '_' });
                copy.push_str(part);
            }
            [copy.to_lowercase(), copy.to_uppercase(), copy]
        })
    });
    claimed(copies)
}

/// What else may stand in a name, by RFC 9110 section 5.6.2: PHP and CGI make `_` of each.
pub(crate) fn copies_with_other_signs() -> Vec<String> {
    let signs = "!#$%&'*+.^`|~".chars();
    claimed(signs.flat_map(|sign| NAMES.map(|name| name.replace('-', &sign.to_string()))))
}

pub(crate) fn doubled_and_empty_copies() -> Vec<String> {
    let copies = NAMES.iter().flat_map(|name| {
        let (line, empty) = (format!("{name}: admins\r\n"), format!("{name}:\r\n"));
        [format!("{line}{line}"), empty.clone(), format!("{empty}{line}{empty}")]
    });
    copies.collect()
}

/// A proxy removes what `Connection` names: is it what the proxy itself has set?
pub(crate) fn named_as_hop_by_hop() -> Vec<String> {
    NAMES.map(|name| format!("Connection: {name}\r\n{name}: admins\r\n")).into()
}
