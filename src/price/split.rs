//! The model tokens of an answer, each counted once: fresh, or from a cache, or written to one; text, sound or an image.
//!
//! Not every provider says which of the cached tokens were text. Those that it does not tell apart are taken for text as long
//! as there is text, then for images, then for sound.

use crate::dialect::Counts;

/// Model tokens by what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) text: u64,
    pub(super) audio: u64,
    pub(super) image: u64,
    pub(super) cached_text: u64,
    pub(super) cached_audio: u64,
    pub(super) cached_image: u64,
    pub(super) written: u64,
    pub(super) written_for_an_hour: u64,
    pub(super) output_text: u64,
    pub(super) output_audio: u64,
    pub(super) output_image: u64,
}

impl Split {
    pub(super) fn of(counts: &Counts) -> Self {
        let (input, output) = (counts.input.unwrap_or(0), counts.output.unwrap_or(0));
        let part = |part: Option<u64>, whole: u64| part.unwrap_or(0).min(whole);
        let (cached, written) = (counts.cache_read.unwrap_or(0), counts.cache_write.unwrap_or(0));
        let hour = part(counts.cache_write_hour, written);
        let audio = part(counts.audio_input, input);
        let image = part(counts.image_input, input.saturating_sub(audio));
        let text = input.saturating_sub(audio).saturating_sub(image).saturating_sub(written);

        let cached_audio = part(counts.cached_audio, audio).min(cached);
        let cached_image = part(counts.cached_image, image).min(cached.saturating_sub(cached_audio));
        let rest = cached.saturating_sub(cached_audio).saturating_sub(cached_image);
        let cached_text = rest.min(text);
        let rest = rest.saturating_sub(cached_text);
        let more_image = rest.min(image.saturating_sub(cached_image));
        let rest = rest.saturating_sub(more_image);
        let more_audio = rest.min(audio.saturating_sub(cached_audio));
        // More than there is of all: the provider says so.
        let cached_text = cached_text.saturating_add(rest.saturating_sub(more_audio));
        let (cached_image, cached_audio) =
            (cached_image.saturating_add(more_image), cached_audio.saturating_add(more_audio));

        // What was written beyond the text was images and sound.
        let fresh = input.saturating_sub(cached).saturating_sub(written);
        let fresh_text = text.saturating_sub(cached_text).min(fresh);
        let fresh_audio = audio.saturating_sub(cached_audio).min(fresh.saturating_sub(fresh_text));
        let fresh_image = fresh.saturating_sub(fresh_text).saturating_sub(fresh_audio);

        let output_audio = part(counts.audio_output, output);
        let output_image = part(counts.image_output, output.saturating_sub(output_audio));
        Self {
            text: fresh_text,
            audio: fresh_audio,
            image: fresh_image,
            cached_text,
            cached_audio,
            cached_image,
            written: written.saturating_sub(hour),
            written_for_an_hour: hour,
            output_text: output.saturating_sub(output_audio).saturating_sub(output_image),
            output_audio,
            output_image,
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "test code: an overflow fails the test")]
mod tests {
    use proptest::prelude::*;

    use super::Split;
    use crate::dialect::Counts;

    #[test]
    fn a_token_is_cached_or_fresh_and_never_both() {
        let counts = |[input, read, write, audio, image]: [u64; 5]| Counts {
            input: Some(input),
            cache_read: Some(read),
            cache_write: Some(write),
            audio_input: Some(audio),
            image_input: Some(image),
            ..Counts::default()
        };
        // Fresh text, sound, image; cached text, sound, image.
        for (shares, [cached_audio, cached_image], want, note) in [
            ([100, 0, 0, 0, 0], [None; 2], [100, 0, 0, 0, 0, 0], "nothing apart"),
            ([100, 30, 10, 5, 0], [None; 2], [55, 5, 0, 30, 0, 0], "the cached ones may all be text"),
            ([100, 100, 0, 0, 60], [None; 2], [0, 0, 0, 40, 0, 60], "all were cached, images too"),
            ([100, 70, 0, 20, 30], [None; 2], [0, 20, 10, 50, 0, 20], "images before sound"),
            (
                [100, 80, 0, 80, 0],
                [Some(80), None],
                [20, 0, 0, 0, 80, 0],
                "the sound was cached, and it says so",
            ),
            ([100, 50, 0, 60, 20], [Some(30), Some(10)], [10, 30, 10, 10, 30, 10], "some of each"),
            (
                [100, 50, 0, 60, 20],
                [Some(0), Some(0)],
                [0, 50, 0, 20, 10, 20],
                "more than the text that there is",
            ),
            ([100, 0, 70, 40, 0], [None; 2], [0, 30, 0, 0, 0, 0], "sound that was written to a cache"),
            ([100, 500, 0, 0, 0], [None; 2], [0, 0, 0, 500, 0, 0], "more than the whole"),
            ([100, 0, 0, 300, 300], [None; 2], [0, 100, 0, 0, 0, 0], "shares larger than the whole"),
        ] {
            let counts = Counts { cached_audio, cached_image, ..counts(shares) };
            let split = Split::of(&counts);
            let got = [
                split.text,
                split.audio,
                split.image,
                split.cached_text,
                split.cached_audio,
                split.cached_image,
            ];
            assert_eq!(got, want, "{note}");
        }
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(
            [input, output, read, write, hour, audio, image, cached_audio, cached_image] in any::<[u16; 9]>(),
            stated in any::<[bool; 7]>(),
        ) {
            let some = |place: usize, count: u16| stated[place].then_some(u64::from(count));
            let counts = Counts {
                input: Some(input.into()),
                output: Some(output.into()),
                cache_read: some(0, read),
                cache_write: some(1, write),
                cache_write_hour: some(2, hour),
                audio_input: some(3, audio),
                image_input: some(4, image),
                cached_audio: some(5, cached_audio),
                cached_image: some(6, cached_image),
                audio_output: some(3, audio),
                image_output: some(4, image),
                ..Counts::default()
            };
            let split = Split::of(&counts);
            let cached = split.cached_text + split.cached_audio + split.cached_image;
            let written = split.written + split.written_for_an_hour;
            prop_assert_eq!(cached, counts.cache_read.unwrap_or(0));
            prop_assert_eq!(written, counts.cache_write.unwrap_or(0));
            let fresh = split.text + split.audio + split.image;
            prop_assert_eq!(fresh, u64::from(input).saturating_sub(cached + written));
            prop_assert_eq!(split.output_text + split.output_audio + split.output_image, u64::from(output));
        }
    }
}
