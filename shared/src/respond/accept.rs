//! What the `Accept` header asks for (RFC 9110 section 12.5.1).

use axum::http::{HeaderMap, header::ACCEPT};

/// Whether the request accepts JSON and does not accept plain text, which every other
/// request gets: that is what the Flask service's gateway expects.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = |media_type, subtype| {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = values.flat_map(|value| value.split(','));
        let matching = ranges.filter_map(|range| precedence(range, media_type, subtype));
        // Of the ranges that match, the most specific one decides.
        matching.max().is_some_and(|(_, acceptable)| acceptable)
    };
    let json = accepts("application", "json") || accepts("application", "problem+json");
    json && !accepts("text", "plain")
}

/// How closely a range such as `text/*;q=0.5` names this type, and whether it accepts it; `None`
/// if it says nothing about it.
fn precedence(range: &str, media_type: &str, subtype: &str) -> Option<(u8, bool)> {
    let mut parameters = range.split(';').map(str::trim);
    let (given_type, given_subtype) = parameters.next()?.split_once('/')?;
    let same_type = given_type.eq_ignore_ascii_case(media_type);
    let specificity = match (given_type, given_subtype) {
        ("*", "*") => 0,
        (_, "*") if same_type => 1,
        (_, given) if same_type && given.eq_ignore_ascii_case(subtype) => 2,
        _ => return None,
    };
    let weight = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("q").then_some(value)
    });
    Some((specificity, weight.is_none_or(|weight| weight.parse().is_ok_and(|q: f32| q > 0.0))))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_for_requests_that_accept_it_and_not_plain_text() {
        for (accept, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/*", true),
            ("application/json, text/html;q=0.9", true),
            ("application/json, */*;q=0", true),
            ("application/json, text/plain;q=0, */*", true),
            ("*/*", false),
            ("", false),
            ("text/plain", false),
            ("text/html", false),
            ("application/json, text/plain, */*", false),
            ("application/json, text/*;q=0.1", false),
            ("application/json;q=0", false),
            ("application/json;q=x", false),
            (",;/=,,", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_json(&headers), json, "Accept: {accept}");
        }
        assert!(!wants_json(&HeaderMap::new()), "no Accept");
    }
}
