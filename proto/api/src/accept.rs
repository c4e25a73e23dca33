//! The `Accept` header (RFC 9110, section 12.5.1), as far as it decides between a list and
//! server-sent events.

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Returns whether a client asks for server-sent events: it names them, and does not prefer JSON.
pub fn wants_events<'a>(headers: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut events, mut json) = (0, 0);
    for range in headers.into_iter().flat_map(|header| header.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let weight = parts.find_map(weight).unwrap_or(1000);
        if media.eq_ignore_ascii_case(EVENTS) {
            events = weight;
        } else if media.eq_ignore_ascii_case(JSON) {
            json = weight;
        }
    }
    events > 0 && events >= json
}

/// Returns the weight of `q=0.5` in thousandths. An invalid weight counts as 0.
fn weight(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    let value: f32 = value.trim().parse().ok().filter(|value| (0.0..=1.0).contains(value))?;
    // Between 0 and 1000.
    name.trim().eq_ignore_ascii_case("q").then_some((value * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_chosen_as_the_standard_says() {
        for (accept, wanted) in [
            ("text/event-stream", true),
            ("Text/Event-Stream; charset=utf-8", true),
            ("text/event-stream;q=0.1", true),
            ("application/json, text/event-stream", true),
            ("text/event-stream;q=0", false),
            ("text/event-stream; Q=0.000, */*", false),
            ("application/json, text/event-stream;q=0.5", false),
            ("application/json;q=0.4, text/event-stream;q=0.5", true),
            ("text/event-streams", false),
            ("application/x; a=\"text/event-stream\"", false),
            ("*/*", false),
            ("text/*", false),
            ("", false),
            ("text/event-stream;q=x", true),
        ] {
            assert_eq!(wants_events([accept]), wanted, "{accept}");
        }
        assert!(wants_events(["application/json", "text/event-stream"]));
        assert!(!wants_events([]));
    }
}
