//! What an answer has told so far, as its values are read.

use std::borrow::Cow;

use crate::dialect::{Counts, Figure, Figures, Holds};

/// Each reason is kept once; a list of choices can have many.
pub(super) const MOST_REASONS: usize = 8;

/// The figures of an answer, and what else of it goes into the record.
#[derive(Debug, Default)]
pub(super) struct Told {
    figures: Figures,
    /// Those of all runs of the model together, where they are told apart.
    runs: Figures,
    pub(super) model: Option<String>,
    pub(super) reasons: Vec<String>,
    /// Something was read that only the last event has.
    pub(super) is_last: bool,
    /// The model is not looked for any longer.
    pub(super) seeks_no_model: bool,
    medium: Option<Medium>,
    medium_count: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Medium {
    Audio,
    Image,
    Other,
}

impl Told {
    pub(super) fn starting_with(figures: Figures) -> Self {
        Self { figures, ..Self::default() }
    }

    pub(super) fn has_figures(&self) -> bool {
        !self.figures.or_rather(&self.runs).is_empty()
    }

    pub(super) fn counts(&self) -> Counts {
        self.figures.or_rather(&self.runs).read()
    }

    pub(super) fn list_opens(&mut self, holds: Holds) {
        if let Holds::Runs = holds {
            self.runs = Figures::default();
        }
    }

    pub(super) fn object_opens(&mut self, holds: Holds) {
        match holds {
            Holds::Medium { .. } => (self.medium, self.medium_count) = (None, None),
            Holds::Last => self.is_last = true,
            _ => {}
        }
    }

    pub(super) fn object_closes(&mut self, holds: Holds) {
        let Holds::Medium { audio, image } = holds else { return };
        match (self.medium, self.medium_count) {
            (Some(Medium::Audio), Some(count)) => self.figures.set(audio, count),
            (Some(Medium::Image), Some(count)) => self.figures.set(image, count),
            _ => {}
        }
    }

    /// A number, `null`, `true` or `false`, as it was written.
    pub(super) fn scalar(&mut self, holds: Holds, written: &[u8]) {
        let Some(number) = std::str::from_utf8(written).ok().and_then(|written| whole(written, holds)) else {
            return;
        };
        match holds {
            Holds::Figure(figure) => self.figures.set(figure, number),
            Holds::OfRun(figure) => self.runs.add(figure, number),
            Holds::Seconds => self.figures.set(Figure::AudioMilliseconds, number),
            Holds::MediumCount => self.medium_count = Some(number),
            _ => {}
        }
    }

    /// A text, as it was written between its quotation marks.
    pub(super) fn text(&mut self, holds: Holds, written: &[u8]) {
        let Some(text) = unescaped(written).filter(|text| !text.is_empty()) else { return };
        match holds {
            Holds::Model if self.model.is_none() && !self.seeks_no_model => {
                self.model = Some(text.into_owned());
            }
            Holds::Reason
                if self.reasons.len() < MOST_REASONS && !self.reasons.iter().any(|known| *known == text) =>
            {
                self.reasons.push(text.into_owned());
            }
            Holds::MediumName => {
                self.medium = Some(match &*text {
                    "AUDIO" => Medium::Audio,
                    "IMAGE" => Medium::Image,
                    _ => Medium::Other,
                });
            }
            _ => {}
        }
    }
}

/// A count, or milliseconds of the seconds that were written; rounded up where it is a fraction.
fn whole(written: &str, holds: Holds) -> Option<u64> {
    let scale = match holds {
        Holds::Seconds => 1000.0,
        _ => match written.parse() {
            Ok(count) => return Some(count),
            Err(_) => 1.0,
        },
    };
    let number = written.parse::<f64>().ok().filter(|number| *number >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and one too large becomes the largest"
    )]
    Some((number * scale).ceil() as u64)
}

fn unescaped(written: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(written).ok()?;
    match text.contains('\\') {
        true => serde_json::from_str(&format!("\"{text}\"")).ok().map(Cow::Owned),
        false => Some(Cow::Borrowed(text)),
    }
}
