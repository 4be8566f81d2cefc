//! The chunk of a stream that has nothing but the usage, which the gateway asked for and the caller did not: it is taken out again.
//!
//! Of what has come only the beginning of an event that is not there as a whole is held back, until the rest of it comes
//! or it is longer than such an event can be.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A longer event has more than the usage.
const LONGEST: usize = 8 * 1024;

/// Takes one event out of a stream of server-sent events.
#[derive(Debug, Default)]
pub struct UsageChunkFilter {
    /// The beginning of an event.
    held: Vec<u8>,
    /// What comes belongs to an event whose beginning has gone on.
    is_past: bool,
}

/// As much of an event as tells whether it is the one.
#[derive(Deserialize)]
struct Event {
    choices: Vec<IgnoredAny>,
    usage: Option<IgnoredAny>,
}

impl UsageChunkFilter {
    /// What goes on of the next piece.
    pub fn pass<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        let piece = match self.held.is_empty() {
            true => Cow::Borrowed(piece),
            false => {
                self.held.extend_from_slice(piece);
                Cow::Owned(std::mem::take(&mut self.held))
            }
        };
        let (mut kept, mut rest) = (Vec::new(), &*piece);
        let mut is_edited = false;
        while let Some(end) = event_end(rest) {
            let (event, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            match !std::mem::take(&mut self.is_past) && is_usage_chunk(event) {
                true => is_edited = true,
                false => kept.extend_from_slice(event),
            }
            rest = behind;
        }
        if self.is_past || rest.len() > LONGEST {
            self.is_past |= !rest.is_empty();
            kept.extend_from_slice(rest);
        } else {
            is_edited |= !rest.is_empty();
            self.held = rest.to_vec();
        }
        if is_edited { Cow::Owned(kept) } else { piece }
    }

    /// What is left at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// Behind the empty line that ends the first event; `None` where that, or what may belong to it, has yet to come.
fn event_end(bytes: &[u8]) -> Option<usize> {
    let mut begin: usize = 0;
    loop {
        let rest = bytes.get(begin..)?;
        let line = memchr::memchr2(b'\n', b'\r', rest)?;
        let length = match rest.get(line..)? {
            [b'\r', b'\n', ..] => 2,
            // A line feed may follow.
            [b'\r'] => return None,
            _ => 1,
        };
        begin = begin.saturating_add(line).saturating_add(length);
        if line == 0 {
            return Some(begin);
        }
    }
}

fn is_usage_chunk(event: &[u8]) -> bool {
    if memchr::memmem::find(event, b"\"usage\"").is_none() {
        return false;
    }
    let lines = event.split(|byte| matches!(byte, b'\n' | b'\r'));
    let data: Vec<&[u8]> = lines.filter_map(|line| line.strip_prefix(b"data:")).collect();
    let event: Option<Event> = serde_json::from_slice(&data.join(b"\n".as_slice())).ok();
    event.is_some_and(|event| event.choices.is_empty() && event.usage.is_some())
}

#[cfg(test)]
mod tests {
    use super::UsageChunkFilter;

    const CHUNK: &str = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

    fn passed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut filter = UsageChunkFilter::default();
        let mut all = Vec::new();
        pieces.into_iter().for_each(|piece| all.extend_from_slice(&filter.pass(piece)));
        all.extend_from_slice(&filter.finish());
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn the_usage_chunk_alone_is_taken_out_wherever_the_stream_is_cut() {
        let head = r#"data: {"choices":[{"delta":{"content":"„usage“ \"usage\""}}],"usage":null}"#;
        let azure = r#"data: {"choices":[],"prompt_filter_results":[]}"#;
        let last = r#"data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#;
        for end in ["\n", "\r\n", "\r"] {
            let event = |text: &str| format!("{text}{end}{end}");
            let before = [azure, head, ": a comment", last].map(event).concat();
            let stream = [before.clone(), event(CHUNK), event("data: [DONE]")].concat();
            let want = [before, event("data: [DONE]")].concat();
            for middle in 0..=stream.len() {
                let (begin, rest) = stream.as_bytes().split_at(middle);
                assert_eq!(passed([begin, rest]), want, "cut at {middle}");
            }
            for length in 1..=stream.len() {
                assert_eq!(passed(stream.as_bytes().chunks(length)), want, "in pieces of {length}");
            }
        }
    }

    #[test]
    fn what_is_not_the_usage_chunk_goes_on_as_it_came() {
        let long = format!("data: {{\"choices\":[],\"t\":\"{}\",\"usage\":{{}}}}\n\n", "x".repeat(20_000));
        for stream in [
            "",
            "data: [DONE]\n\n",
            "data: {\"choices\":[],\"usage\":null}\n\n",
            "data: {\"usage\":{}}\n\n",
            "data: {\"choices\":[],\"usage\":{}",
            "no events at all",
            "\n\n\n",
            &long,
        ] {
            for length in [1, 3, 7, 1000] {
                assert_eq!(passed(stream.as_bytes().chunks(length)), stream, "in pieces of {length}");
            }
        }
    }

    #[test]
    fn nothing_is_held_back_of_whole_events() {
        let mut filter = UsageChunkFilter::default();
        let event = b"data: {\"choices\":[{}]}\n\n".as_slice();
        assert!(matches!(filter.pass(event), std::borrow::Cow::Borrowed(passed) if passed == event));
        assert_eq!(&*filter.pass(format!("{CHUNK}\n\n").as_bytes()), b"");
        assert_eq!(filter.finish(), b"");
    }
}
